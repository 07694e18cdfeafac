"""Lines out of a stream of bytes, with a watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

LINE_LIMIT = 1024 * 1024


class Watchdog:
    """How long a stream may be silent: long as a rule, shortly once something was due."""

    def __init__(self, silence: float, grace: float) -> None:
        self._silence = silence
        self._grace = grace
        self._heard = float("-inf")
        self._timer: asyncio.Timeout | None = None

    @property
    def heard(self) -> float:
        """When bytes last came, by the loop's clock."""
        return self._heard

    def hear(self) -> None:
        """Bytes came, or the stream was just opened."""
        self._heard = asyncio.get_running_loop().time()

    def expect(self) -> None:
        """Something has happened that the stream should tell of within the grace."""
        if self._timer is None:
            return
        soon = asyncio.get_running_loop().time() + self._grace
        due = self._timer.when()
        if due is None or soon < due:
            self._timer.reschedule(soon)

    async def read(self, response: aiohttp.ClientResponse) -> bytes:
        """The next bytes; none at the end. Raises TimeoutError after too long a silence."""
        try:
            async with asyncio.timeout(self._silence) as timer:
                self._timer = timer
                chunk = await response.content.readany()
        finally:
            self._timer = None
        self.hear()
        return chunk


async def read_lines(
    response: aiohttp.ClientResponse, watchdog: Watchdog
) -> AsyncGenerator[bytes, None]:
    """Whole lines until the stream ends. Raises TimeoutError, ValueError on an endless line."""
    rest = b""
    while chunk := await watchdog.read(response):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > LINE_LIMIT:
            raise ValueError(f"an event of more than {LINE_LIMIT} bytes")
