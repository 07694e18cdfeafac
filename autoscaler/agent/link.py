"""Keeps an agent in conversation with its controller, through every break."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog

from autoscaler.addresses import shown, why
from autoscaler.agent.channel import Channel, SocketChannel
from autoscaler.agent.messages import LONGEST, Refused
from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.tokens import read_tokens

log = structlog.get_logger(__name__)

PATH = "/agents/stream"
CONNECT_WITHIN = 10.0
PING_EVERY = 10.0
"""Seconds of silence after which the connection is tested; one that is dead is closed."""

Connect = Callable[[], AbstractAsyncContextManager[Channel]]


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt."""

    first: float = 0.5
    longest: float = 15.0
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1; the wait is between half and all of what it would be."""

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        doubled = min(self.first * 2.0 ** min(failures - 1, 20), self.longest)
        return doubled * (0.5 + 0.5 * self.jitter())


def warn(reason: str) -> None:
    """Say why there is no conversation."""
    log.warning("no conversation with the controller", reason=reason)


async def keep_talking(
    connect: Connect,
    talk: Callable[[Channel], Awaitable[None]],
    backoff: Backoff,
    tell: Callable[[str], None] = warn,
) -> None:
    """Hold one conversation after the other, for ever; `tell` is told why one ended, once."""
    failures, said = 0, ""
    while True:
        began = asyncio.get_running_loop().time()
        try:
            async with connect() as channel:
                await talk(channel)
            told = "the conversation ended"
        except (AutoscalerError, Refused, ConnectionError, TimeoutError) as error:
            told = str(error) or "no answer in time"
        if asyncio.get_running_loop().time() - began > backoff.longest:
            failures, said = 0, ""
        failures += 1
        if told != said:
            tell(told)
        said = told
        await asyncio.sleep(backoff.after(failures))


@dataclass(frozen=True, slots=True)
class Remote:
    """A controller elsewhere: where it listens, and what it must be shown."""

    url: str
    token_file: Path
    tls_ca: Path | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Channel]:
        """A conversation with it. Raises Temporary, or Permanent where somebody must act."""
        tokens = await asyncio.to_thread(read_tokens, self.token_file)
        async with aiohttp.ClientSession() as session:
            socket = await self._open(session, tokens[0])
            channel = SocketChannel(socket)
            try:
                yield channel
            finally:
                await channel.close()

    async def _open(
        self, session: aiohttp.ClientSession, token: str
    ) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                return await session.ws_connect(
                    self.url.rstrip("/") + PATH,
                    headers={"Authorization": f"Bearer {token}"},
                    heartbeat=PING_EVERY,
                    max_msg_size=LONGEST,
                    compress=0,
                    ssl=self._tls(),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error.status, self.url) from error
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            raise Temporary(f"no answer from {shown(self.url)}: {why(error)}") from error

    def _tls(self) -> ssl.SSLContext | bool:
        try:
            return ssl.create_default_context(cafile=self.tls_ca) if self.tls_ca else True
        except OSError as error:
            raise Permanent(f"cannot use {self.tls_ca}: {error}") from error


def _refusal(status: int, url: str) -> AutoscalerError:
    if status == 401:
        return Permanent(f"{url} does not take our token; compare the token files")
    if status == 404:
        return Permanent(f"{url} takes no agents; has the controller a token file?")
    return Temporary(f"{url} answered {status}")
