"""The last values of a series, and what a window of them comes to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autoscaler.sources.scrape.text import Value

MOST_KEPT = 512
"""Values of one series that are kept at most."""
_SLACK = 0.5
"""Seconds that scrapes may be late."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series."""

    tick: float
    """When it was measured, in seconds; comparable within a series only."""
    value: float


@dataclass(frozen=True, slots=True)
class Made:
    """What a function made of a series."""

    value: float
    window: float = 0.0
    """Seconds from its first to its last value."""


class Series:
    """Values in the order in which they were measured."""

    def __init__(self) -> None:
        self.dated: float | None = None
        """When the page says that the last value was measured, if it does."""
        self._points: deque[Point] = deque(maxlen=MOST_KEPT)

    def add(self, found: Value, scraped: float, keep: float) -> None:
        """Take in a value that was scraped at this second of a clock that only goes forward.

        A page that dates its values is believed, and one that says the same date again has
        nothing new. Ticks of both kinds do not mix.
        """
        if (found.at is None) != (self.dated is None):
            self._points.clear()
        self.dated = found.at
        tick = scraped if found.at is None else found.at
        if self._points and tick <= self._points[-1].tick:
            if tick == self._points[-1].tick:
                return
            self._points.clear()
        self._points.append(Point(tick, found.value))
        while self._points[0].tick < tick - keep - _SLACK:
            self._points.popleft()

    def make(self, function: str, window: float) -> Made | None:
        """Apply a function to the window; None while there are too few values."""
        start = self._points[-1].tick - window - _SLACK if self._points else 0.0
        points = [point for point in self._points if point.tick >= start]
        if not points or (function == "rate" and len(points) < 2):
            return None
        if function == "value":
            return Made(points[-1].value)
        span = points[-1].tick - points[0].tick
        return Made(_FUNCTIONS[function](points), span)


def _rate(points: Sequence[Point]) -> float:
    """Growth per second. A counter that falls began again from zero."""
    grown = sum(
        now.value - before.value if now.value >= before.value else now.value
        for before, now in pairwise(points)
    )
    # A comparison with NaN is false, and would hide it.
    unknown = sum(point.value - point.value for point in points)
    return (grown + unknown) / (points[-1].tick - points[0].tick)


def reduce(function: str, values: Sequence[float]) -> float:
    """One value of many; there must be one at least."""
    if function == "sum":
        return sum(values)
    if function == "avg":
        return sum(values) / len(values)
    # `max` and `min` pass over NaN, depending on its place.
    extreme = max(values) if function == "max" else min(values)
    return extreme + sum(value - value for value in values)


def _over(function: str) -> Callable[[Sequence[Point]], float]:
    return lambda points: reduce(function, [point.value for point in points])


_FUNCTIONS: Mapping[str, Callable[[Sequence[Point]], float]] = {
    "rate": _rate,
    "avg": _over("avg"),
    "max": _over("max"),
    "min": _over("min"),
}
