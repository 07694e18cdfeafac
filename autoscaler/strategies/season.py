"""What a metric was at each time of the day before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Self

SLOT = 300.0
"""Seconds whose mean is one number."""
SLOTS = 288
"""A day of them."""
RING = SLOTS + 1
"""A day ago is between two slots, of which the first must not be overwritten by that of today."""


@dataclass(frozen=True, slots=True)
class Season:
    """A ring of a little more than a day; a slot joins it when it is over."""

    ring: tuple[float | None, ...] = (None,) * RING
    slot: int = 0
    """Counted from the epoch."""
    total: float = 0.0
    count: int = 0

    def after(self, at: float, value: float) -> Self:
        """With one more point."""
        slot = int(at // SLOT)
        if slot == self.slot:
            return replace(self, total=self.total + value, count=self.count + 1)
        ring = [*self.ring]
        if self.count:
            ring[self.slot % RING] = self.total / self.count
        for missed in range(max(self.slot + 1, slot - RING), slot):
            ring[missed % RING] = None
        return replace(self, ring=tuple(ring), slot=slot, total=value, count=1)

    def change(self, start: float, seconds: float) -> float:
        """How much higher it was, a day ago, so many seconds later; 0 where that is not known."""
        before, after = self._at(start), self._at(start + seconds)
        return 0.0 if before is None or after is None else after - before

    def _at(self, moment: float) -> float | None:
        """A day before, on the line between the middles of two slots."""
        place = moment / SLOT - 0.5
        first = int(place // 1)
        low, high = self.ring[(first - SLOTS) % RING], self.ring[(first + 1 - SLOTS) % RING]
        return None if low is None or high is None else low + (place - first) * (high - low)

    def stored(self) -> list[Any]:
        """As a memory."""
        return [list(self.ring), self.slot, self.total, self.count]

    @classmethod
    def read(cls, memory: Any) -> Self:
        """What was stored. Raises TypeError and ValueError."""
        ring, slot, total, count = memory
        found = cls(
            tuple(None if value is None else float(value) for value in ring),
            int(slot),
            float(total),
            int(count),
        )
        known = [value for value in found.ring if value is not None]
        if len(found.ring) != RING or not all(map(isfinite, (*known, found.total))):
            raise ValueError("not a day")
        return found
