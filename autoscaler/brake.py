"""The fleet's brake: of all services together, only so much may be removed in a while.

It guards against data that are fresh but wrong for many services at once, and against a
policy that was meant for one service and covers all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.model import FleetFacts, Memory


@dataclass(frozen=True, slots=True)
class BrakeLimits:
    """What the brake allows."""

    percent: float = 10.0
    """Share of all replicas that may be removed within `period`."""
    at_least: int = 10
    """So many may be removed in any case: small fleets are not held up."""
    period: float = 300.0
    """Seconds over which removals are counted."""
    max_total: int | None = None
    """The most replicas that the fleet may have; None: no limit."""


class Brake:
    """Counts what is removed and added, from the moment that it is decided."""

    def __init__(self, limits: BrakeLimits, memories: Iterable[Memory] = ()) -> None:
        self._limits = limits
        changes = sorted((s.at, -s.change) for m in memories for s in m.scaled if s.change < 0)
        self._removed: deque[tuple[float, int]] = deque(changes)
        self._removed_total = sum(count for _, count in changes)
        self._under_way: dict[str, int] = {}
        self._leaving = self._coming = 0
        self._facts = FleetFacts()

    def facts(self, replicas: int, now: float) -> FleetFacts:
        """What is left to remove and to add, when the services ask for `replicas` in all."""
        if self._removed and self._removed[-1][0] > now:
            # The clock has been set back since.
            self._removed = deque((min(at, now), count) for at, count in self._removed)
        while self._removed and self._removed[0][0] <= now - self._limits.period:
            self._removed_total -= self._removed.popleft()[1]
        removed = self._removed_total
        allowed = max(self._limits.at_least, int((replicas + removed) * self._limits.percent / 100))
        ceiling = self._limits.max_total
        removable = allowed - removed - self._leaving
        addable = None if ceiling is None else ceiling - replicas - self._coming
        known = self._facts
        if (known.removable, known.addable) != (removable, addable):
            # The same for most services of a pass.
            self._facts = FleetFacts(removable=removable, addable=addable)
        return self._facts

    def begin(self, service_id: str, change: int) -> None:
        """A change has been decided."""
        self._take_back(service_id)
        self._under_way[service_id] = change
        self._leaving += max(0, -change)
        self._coming += max(0, change)

    def end(self, service_id: str, now: float, *, done: bool) -> None:
        """It was made, or it was not."""
        change = self._take_back(service_id)
        if done and change < 0:
            self._removed.append((now, -change))
            self._removed_total -= change

    def _take_back(self, service_id: str) -> int:
        change = self._under_way.pop(service_id, 0)
        self._leaving -= max(0, -change)
        self._coming -= max(0, change)
        return change
