"""The wire between a store and its server, on which something can happen at any message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Happens = Callable[[], Awaitable[None]]

_HEAD = 5
"""Bytes before the body of a message: its kind, and its length."""


async def _nothing() -> None:
    """The cut alone is what happens."""


class _Cut:
    """A cable that was pulled: neither end knows."""

    def __init__(self) -> None:
        self.begun = False
        self.over = asyncio.Event()


class Wire:
    """Passes messages on, both ways, and counts them; cuts one connection at the chosen one.

    `happened` says that it has, and that what else should happen then is over.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.passed = 0
        """Messages since `watch`, or since the start."""
        self._server_port = port
        self._at: int | None = None
        self._happens: Happens = _nothing
        self.happened = asyncio.Event()
        self.refusing = False
        """Whether new connections are closed at once."""
        self._cut = _Cut()
        self._tasks: set[asyncio.Task[None]] = set()

    def instead_of(self, url: str) -> str:
        """The address of the same database by this wire, which carries no TLS."""
        return url.replace(f":{self._server_port}/", f":{self.port}/") + "?sslmode=disable"

    def watch(self, at: int | None = None, happens: Happens = _nothing) -> None:
        """Count from here; in place of the message with this number let something happen."""
        self.passed, self._at, self._happens = 0, at, happens
        self.happened.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either end, or the wire, is gone."""
        if self.refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # `close` ends it, and asyncio does not expect that of who serves a connection.
            with suppress(OSError, asyncio.CancelledError):
                server = await asyncio.open_connection("127.0.0.1", self._server_port)
                await self._carry((reader, writer), server)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing pass any more, and keep from the server who hangs up."""
        self._cut.begun = True

    def go_on(self) -> asyncio.Event:
        """Let new connections pass; those that were held end when the answer is set."""
        held, self._cut = self._cut, _Cut()
        return held.over

    async def close(self) -> None:
        """End all connections."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(
        self,
        store: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        cut = self._cut
        first = await store[0].readexactly(4)
        server[1].write(first + await store[0].readexactly(int.from_bytes(first) - 4))
        ways = [
            asyncio.ensure_future(self._pass_on(store[0], server[1], cut)),
            asyncio.ensure_future(self._pass_on(server[0], store[1], cut)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if cut.begun:
                await cut.over.wait()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            store[1].transport.abort()
            server[1].transport.abort()

    async def _happen(self) -> None:
        await self._happens()
        self.happened.set()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, cut: _Cut
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await source.readexactly(_HEAD)
                body = await source.readexactly(int.from_bytes(head[1:]) - 4)
                if cut.begun:
                    return
                self.passed += 1
                if self.passed == self._at:
                    # Its end may be that of this connection too.
                    await asyncio.shield(asyncio.ensure_future(self._happen()))
                    return
                sink.write(head + body)
                await sink.drain()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    """A wire to the server at a port, with one of its own."""
    wire = Wire(port)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
        await server.wait_closed()
