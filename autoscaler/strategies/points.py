"""The points of a metric within a window, as a strategy remembers them between passes."""

from __future__ import annotations

from typing import Any

from autoscaler.ports import Reading

MOST_POINTS = 1000
AHEAD = 60.0
"""Seconds that a source's clock may be ahead; a point that is from later still is forgotten."""

Points = list[tuple[float, float]]
"""Times and values of a metric, oldest first."""


def seen(memory: Any, reading: Reading, window: float) -> Points:
    """The points of the window with the new one; the same measurement counts once."""
    now = reading.observation.now
    newest = (now if reading.sample.at is None else reading.sample.at, reading.total)
    if not window:
        return [newest]
    known = [p for p in _read(memory) if now - window < p[0] <= now + AHEAD]
    if known and known[-1][0] >= newest[0]:
        return known
    return [*known, newest][-MOST_POINTS:]


def stored(points: Points) -> list[list[float]]:
    """Points as a memory: JSON knows no tuples."""
    return [list(point) for point in points]


def _read(memory: Any) -> Points:
    """Points as they were stored; none where they cannot be read."""
    try:
        return [(float(at), float(value)) for at, value in memory or ()]
    except (TypeError, ValueError):
        return []
