"""What may become of an engine's good answer on its way to the client.

swarm.faults.spoil["GET /services"] = cut(reset=True)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Spoil = Callable[[web.Request, web.Response], Awaitable[web.StreamResponse]]
"""Sends something in place of the good answer, or nothing."""


def late(seconds: float) -> Spoil:
    """All of it, after so many seconds."""

    async def send(_request: web.Request, good: web.Response) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return good

    return send


def cut(share: float = 0.5, *, reset: bool = False) -> Spoil:
    """The head and a share of the body; then the connection ends, with `reset` at once."""

    async def send(request: web.Request, good: web.Response) -> web.StreamResponse:
        body = _body(good)
        begun = await _begin(request, good)
        await begun.write(body[: int(len(body) * share)])
        if request.transport is not None:
            (request.transport.abort if reset else request.transport.close)()
        return begun

    return send


def dripping(seconds: float, pieces: int = 10) -> Spoil:
    """All of it, in pieces, over so many seconds."""

    async def send(request: web.Request, good: web.Response) -> web.StreamResponse:
        body = _body(good)
        begun = await _begin(request, good)
        length = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), length):
            await asyncio.sleep(seconds / pieces)
            await begun.write(body[start : start + length])
        return begun

    return send


def given_up(seconds: float, message: str) -> Spoil:
    """An error of the managers after so many seconds, though all of it may be done."""

    async def send(_request: web.Request, _good: web.Response) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({"message": message}, status=500)

    return send


def rewritten(change: Callable[[bytes], bytes], content_type: str = "application/json") -> Spoil:
    """Another body, whole as HTTP goes."""

    async def send(_request: web.Request, good: web.Response) -> web.StreamResponse:
        return web.Response(body=change(_body(good)), content_type=content_type)

    return send


def _body(good: web.Response) -> bytes:
    return bytes(good.body) if isinstance(good.body, bytes | bytearray) else b""


async def _begin(request: web.Request, good: web.Response) -> web.StreamResponse:
    """The head of the good answer, its length stated."""
    begun = web.StreamResponse(status=good.status)
    begun.content_type = good.content_type
    begun.content_length = len(_body(good))
    await begun.prepare(request)
    return begun
