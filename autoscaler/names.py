"""Look-ups of names that cannot hold anything up.

The system's resolver has time limits of its own, long ones, and cannot be interrupted. In a
pool of threads a few dead names would keep all others waiting, and the process from ending.
So each name has a thread of its own that nobody waits for longer than he likes, and a name
that is being looked up is not looked up a second time meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult

from autoscaler.errors import Temporary

MOST_AT_A_TIME = 64

Future = asyncio.Future[Sequence[str]]


class Unknown(Temporary):
    """The name has no address."""


class Names(AbstractResolver):
    """Looks up IPv4 addresses of names; also for aiohttp."""

    def __init__(self) -> None:
        self._under_way: dict[str, Future] = {}

    async def addresses(self, name: str) -> Sequence[str]:
        """All of a name's addresses, sorted; the caller bounds the wait.

        Raises Unknown when it has none, Temporary when that cannot be told.
        """
        if name not in self._under_way:
            if len(self._under_way) >= MOST_AT_A_TIME:
                raise Temporary(f"{name}: too many names are being looked up")
            self._under_way[name] = self._begin(name)
        # Whoever gives up leaves the others waiting.
        return await asyncio.shield(self._under_way[name])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As aiohttp asks."""
        try:
            found = await self.addresses(host)
        except Temporary as error:
            raise OSError(None, str(error)) from error
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Leave what is under way alone; idempotent."""
        self._under_way.clear()

    def _begin(self, name: str) -> Future:
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        future.add_done_callback(lambda _: self._under_way.pop(name, None))
        # Nobody may be waiting any more when it fails.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        thread = threading.Thread(
            target=_look_up, args=(name, loop, future), name=f"look up {name}", daemon=True
        )
        thread.start()
        return future


def _look_up(name: str, loop: asyncio.AbstractEventLoop, future: Future) -> None:
    """Runs in a thread."""
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        result: Sequence[str] | Temporary = sorted({str(one[4][0]) for one in found})
    except (OSError, UnicodeError) as error:
        result = _failure(name, error)
    # The loop may be gone by now.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_settle, future, result)


def _failure(name: str, error: Exception) -> Temporary:
    missing = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
    if isinstance(error, socket.gaierror) and error.errno in missing:
        return Unknown(f"{name} has no address")
    return Temporary(f"{name}: {error}")


def _settle(future: Future, result: Sequence[str] | Temporary) -> None:
    if future.done():
        return
    if isinstance(result, Temporary):
        future.set_exception(result)
    else:
        future.set_result(result)
