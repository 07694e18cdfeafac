"""Work over a whole fleet lets all else have its turn now and then."""

from __future__ import annotations

import asyncio

LONGEST = 0.01
"""Seconds for which the event loop is kept at most."""


class Turns:
    """Asked before each piece of a long work; gives the event loop back when it is time.

    What comes after `next` may find the world changed. A work of a single piece is never
    interrupted.
    """

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._until = self._time() + LONGEST

    async def next(self) -> None:
        """Go on, at once or after everybody else who waits."""
        if self._time() >= self._until:
            await asyncio.sleep(0)
            self._until = self._time() + LONGEST
