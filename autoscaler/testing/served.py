"""An application on a real socket, in a thread with a loop of its own: for callers that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from aiohttp import web

from autoscaler.web import serve

PATIENCE = 60.0
"""Seconds that starting and stopping may take on a busy machine."""

Make = Callable[[], AbstractAsyncContextManager[web.Application]]


class Served:
    """`with Served(make) as served:` it answers at `served.url`."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="served")
        self._fault: BaseException | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(PATIENCE) or self._fault is not None:
            raise RuntimeError("the application did not start") from self._fault
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._fault = error
            self._up.set()

    async def _serve(self) -> None:
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        async with self._make() as application, serve(application, "127.0.0.1", 0) as port:
            self.url = f"http://127.0.0.1:{port}"
            self._up.set()
            await self._end.wait()
