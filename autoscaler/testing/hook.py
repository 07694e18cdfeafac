"""A web server that takes what is posted to it, refuses it, or does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: Any


class Hook:
    """Keeps every request that it has answered well.

    async with Hook() as hook:
        ... post something to hook.url ...
        assert hook.taken[0].body == {...}
    """

    def __init__(self) -> None:
        self.taken: list[Posted] = []
        self.refused = 0
        """Requests that were answered with another status than 200."""
        self._status = 200
        self._open = asyncio.Event()
        self._open.set()
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where to post; every path is taken."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Answer everything so, and keep nothing."""
        self._status = status
        yield
        self._status = 200

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer nothing until it is over."""
        self._open.clear()
        yield
        self._open.set()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=1.0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self._open.wait()
        if self._status == 200:
            self.taken.append(Posted(request.path, dict(request.headers), body))
        else:
            self.refused += 1
        return web.Response(status=self._status, headers={"Location": f"{self.url}/elsewhere"})
