"""Tells of services whose pages have come, so that nobody waits for the next tick."""

from __future__ import annotations

from collections.abc import Collection

from autoscaler.ports import Clock, Tell

SHARE = 0.9
"""The part of an interval after which a service is told of again: the pages of its tasks come one
after the other, and once in an interval is enough."""
MOST_KEPT = 10_000
"""Services of which it is remembered when they were told of."""


class News:
    """Nobody is told until somebody listens."""

    def __init__(self, monotonic: Clock) -> None:
        self.tell: Tell | None = None
        self._monotonic = monotonic
        self._told: dict[str, float] = {}

    def came(self, services: Collection[str], interval: float) -> Collection[str]:
        """A page that these services are asked about, every so many seconds, has come.

        Answer which of them were told of.
        """
        if self.tell is None:
            return ()
        now, never = self._monotonic(), float("-inf")
        due = [s for s in services if now - self._told.get(s, never) >= SHARE * interval]
        if len(self._told) + len(due) > MOST_KEPT:
            self._told.clear()
        self._told |= dict.fromkeys(due, now)
        if due:
            self.tell(due)
        return due
