"""Connections without sockets: aiohttp's clients and servers of one event loop, joined in memory.

    network = Network()
    await network.listen("engine", runner)
    session = aiohttp.ClientSession(connector=network.connector("autoscaler"))
    answer = await session.get("http://engine/_ping")

What is sent arrives in order, after a delay that `delay` tells. A host can be closed (it
refuses), held (it is silent, and what was sent arrives when it is let go), and whoever speaks
can be cut off for good, as a process is that was killed.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler

Delay = Callable[[], float]
"""Seconds that the next bytes are under way."""


class Network:
    """Hosts by their names, and what is between them."""

    def __init__(self, delay: Delay = lambda: 0.0) -> None:
        self.delay = delay
        self._hosts: dict[str, tuple[web.Server, contextvars.Context]] = {}
        self._held: dict[str, asyncio.Event] = {}
        self._cut: dict[str, None] = {}
        self._ends: dict[_End, None] = {}

    def listen(self, host: str, runner: web.AppRunner) -> None:
        """Take connections for a runner that is set up; what it does is done in this context."""
        assert runner.server is not None, "it is set up first"
        self._hosts[host] = runner.server, contextvars.copy_context()

    def close(self, host: str) -> None:
        """Refuse new connections; those that are open go on. Idempotent."""
        self._hosts.pop(host, None)

    def reset(self, host: str) -> None:
        """Break all connections to a host."""
        for end in [end for end in self._ends if host in (end.host, end.who)]:
            end.abort()

    def hold(self, host: str) -> None:
        """Say nothing to and from a host; what is sent waits."""
        self._held.setdefault(host, asyncio.Event())

    def let_go(self, host: str) -> None:
        """What waited arrives. Idempotent."""
        freed = self._held.pop(host, None)
        if freed is not None:
            freed.set()
            for end in [end for end in self._ends if host in (end.host, end.who)]:
                end.resume_reading()

    def cut(self, who: str) -> None:
        """Whoever has this name hears nothing, and nobody hears it, any more."""
        self._cut[who] = None
        for end in [end for end in self._ends if end.who == who]:
            end.abort()
        for host, (_, context) in list(self._hosts.items()):
            if context.get(SPEAKER) == who:
                self.close(host)
                self.reset(host)

    def silent(self, *names: str) -> bool:
        """Whether what is sent between these waits."""
        return any(name in self._held for name in names)

    def connector(self, who: str) -> aiohttp.BaseConnector:
        """Connections of somebody to any host of the network."""
        return _Connector(self, who)

    async def connect(self, who: str, host: str, protocol: asyncio.Protocol) -> None:
        """Join a client to a host. Raises ConnectionRefusedError."""
        await asyncio.sleep(self.delay())
        while (held := self._held.get(host) or self._held.get(who)) is not None:
            await held.wait()
        if host not in self._hosts or who in self._cut:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"{host} refuses connections")
        server, context = self._hosts[host]
        ours, theirs = _End(self, who, host, protocol), _End(self, who, host, server())
        ours.join(theirs)
        context.run(theirs.begin)
        theirs.context = context
        ours.begin()

    def opened(self, end: _End) -> None:
        """A connection has this end from now on."""
        self._ends[end] = None

    def closed(self, end: _End) -> None:
        """The end is no more."""
        self._ends.pop(end, None)


SPEAKER: contextvars.ContextVar[str] = contextvars.ContextVar("SPEAKER", default="")
"""Who the running task belongs to; who is cut takes the hosts along that it opened."""


class _Connector(aiohttp.BaseConnector):
    def __init__(self, network: Network, who: str) -> None:
        super().__init__()
        self._network = network
        self._who = who

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
    ) -> ResponseHandler:
        protocol: ResponseHandler = self._factory()
        try:
            await self._network.connect(self._who, req.url.host or "", protocol)
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol


class _End(asyncio.Transport):
    """One end of a connection: what is written here is told to the other end's protocol."""

    def __init__(
        self, network: Network, who: str, host: str, protocol: asyncio.BaseProtocol
    ) -> None:
        super().__init__()
        self.who, self.host = who, host
        self.context: contextvars.Context | None = None
        self._network = network
        self._loop = asyncio.get_running_loop()
        self._protocol = cast("asyncio.Protocol", protocol)
        self._under_way: deque[bytes | None] = deque()
        self._arrived: deque[bytes | None] = deque()
        self._latest = 0.0
        self._paused = False
        self._closing = False
        self._over = False

    def join(self, peer: _End) -> None:
        """These two are one connection."""
        self._peer, peer._peer = peer, self

    def begin(self) -> None:
        """Tell the protocol that there is a connection."""
        self._network.opened(self)
        self._protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send; nothing once it is closed."""
        if not self._closing and data:
            self._send(bytes(data))

    def close(self) -> None:
        """Say that no more comes, after what was sent."""
        if not self._closing:
            self._closing = True
            self._send(None)
            self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """Break the connection off; what was sent is lost."""
        if not self._over:
            self._closing = True
            self._under_way.clear()
            peer = self._peer
            peer._closing = True
            self._loop.call_soon(self._end, None, context=self.context)
            error = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            self._loop.call_soon(peer._end, error, context=peer.context)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        """What has come meanwhile is told."""
        self._paused = False
        if self._arrived:
            self._loop.call_soon(self._tell, context=self.context)

    def is_reading(self) -> bool:
        return not self._paused

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nobody is too slow here."""

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("memory", 0) if name in ("peername", "sockname") else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def _send(self, data: bytes | None) -> None:
        # A queue beside the timers: those of the same moment may go off in any order.
        self._under_way.append(data)
        self._latest = max(self._latest, self._loop.time() + self._network.delay())
        self._loop.call_at(self._latest, self._peer._arrive, context=self._peer.context)

    def _arrive(self) -> None:
        if self._peer._under_way:
            self._arrived.append(self._peer._under_way.popleft())
            self._tell()

    def _tell(self) -> None:
        silent = self._network.silent(self.who, self.host)
        while self._arrived and not self._paused and not self._over and not silent:
            data = self._arrived.popleft()
            if data is not None:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        if not self._over:
            self._over = True
            self._arrived.clear()
            self._network.closed(self)
            self._protocol.connection_lost(error)
