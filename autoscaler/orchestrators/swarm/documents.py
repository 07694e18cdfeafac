"""JSON bodies: read up to a bound, parsed without stalling the event loop."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import aiohttp

from autoscaler.errors import Permanent, Temporary

T = TypeVar("T")

THREAD_FROM = 64 * 1024
"""Bytes from which a body is parsed in a thread; below, the thread costs more."""

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")
_NULL = re.compile(r"\s*(null\s*)?\Z")


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body. Raises Permanent when it is larger than `limit` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Permanent(f"the engine's answer to {response.url.path} is over {limit} bytes")
    return bytes(body)


async def read_start(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The first `limit` bytes of the body."""
    try:
        return await response.content.readexactly(limit)
    except asyncio.IncompleteReadError as error:
        return error.partial


def elements(text: str) -> Iterator[Any]:
    """The elements of a JSON array, one by one; none for `null`.

    `json.loads` holds the interpreter's lock for as long as it runs, so that even in a
    thread a body of 17 MB stalls the event loop for 0.2 s. Between two elements the lock
    can pass.
    """
    if _NULL.match(text):
        return
    position = _gap(text, 0)
    if text[position] != "[":
        raise ValueError("not a JSON array")
    position = _gap(text, position + 1)
    while text[position] != "]":
        element, position = _DECODER.raw_decode(text, position)
        yield element
        position = _gap(text, position)


def _gap(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


async def decode(body: bytes, what: str, each: Callable[[Any], T]) -> list[T]:
    """Parse an array and translate its elements, in a thread when it is large.

    Raises Temporary when the body is not what the engine says: a proxy's page, a torn answer.
    """

    def work() -> list[T]:
        return [each(element) for element in elements(body.decode())]

    try:
        if len(body) < THREAD_FROM:
            return work()
        return await asyncio.to_thread(work)
    except (ValueError, IndexError, RecursionError) as error:
        raise _unreadable(body, what, error) from error


def decode_object(body: bytes, what: str) -> dict[str, Any]:
    """Parse one object. Raises Temporary when the body is not one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable(body, what, error) from error
    if not isinstance(document, dict):
        raise _unreadable(body, what, TypeError("not a JSON object"))
    return document


def _unreadable(body: bytes, what: str, error: Exception) -> Temporary:
    start = body[:80].decode("utf-8", "replace")
    return Temporary(f"{what}: the answer is not the engine's JSON ({error}): {start!r}")
