"""Reading large bodies within limits: of one, of all together, and of time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from autoscaler.web.problems import TRY_AGAIN, Problem


class Bodies:
    """The bodies that are held at a time."""

    def __init__(self, largest: int, together: int, within: float) -> None:
        """Bytes of one body and of all that are held, and seconds in which one must have come."""
        self._largest = largest
        self._room = together
        self._within = within

    @asynccontextmanager
    async def of(self, request: web.Request) -> AsyncIterator[bytearray]:
        """The body of a request, which counts until left. Raises Problem."""
        body = bytearray()
        try:
            await self._in_time(request, body)
            yield body
        finally:
            self._room += len(body)

    async def _in_time(self, request: web.Request, body: bytearray) -> None:
        try:
            async with asyncio.timeout(self._within):
                await self._read(request, body)
        except TimeoutError as error:
            told = f"the body had not come after {self._within:g} s"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, told, {"Connection": "close"}) from error
        except (BadHttpMessage, web.RequestPayloadError, ConnectionError) as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "the body broke off") from error

    async def _read(self, request: web.Request, body: bytearray) -> None:
        if (request.content_length or 0) > self._largest:
            raise self._too_large()
        async for chunk in request.content.iter_any():
            if len(body) + len(chunk) > self._largest:
                raise self._too_large()
            if len(chunk) > self._room:
                after = {"Retry-After": f"{TRY_AGAIN:.0f}"}
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too much comes at once", after)
            self._room -= len(chunk)
            body += chunk

    def _too_large(self) -> Problem:
        told = f"the body is larger than {self._largest} bytes"
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
