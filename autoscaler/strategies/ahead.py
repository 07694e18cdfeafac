"""Where a metric will be when replicas that are added now have started.

The line through its last points, by least squares, is followed for a while. What falls may rise
again: a metric that falls is taken as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autoscaler.ports import Reading
from autoscaler.strategies import points
from autoscaler.strategies.points import Points

BACK = 1.25
"""The line goes through the points of so many times the time that is looked ahead."""


def look(memory: Any, reading: Reading, seconds: float) -> tuple[Any, Reading]:
    """What to remember, and the reading as it will be so many seconds on."""
    if not seconds:
        return None, reading
    known = points.seen(memory, reading, BACK * seconds)
    rise = max(0.0, slope(known)) * seconds
    return points.stored(known), _raised(reading, rise)


def slope(known: Points) -> float:
    """Change per second along the line of least squares; 0 with fewer than two points."""
    count = len(known)
    middle = sum(at for at, _ in known) / count
    level = sum(value for _, value in known) / count
    spread = sum((at - middle) ** 2 for at, _ in known)
    if spread <= 0.0:
        return 0.0
    return sum((at - middle) * (value - level) for at, value in known) / spread


def _raised(reading: Reading, rise: float) -> Reading:
    """A sample of tasks rises in proportion: which of them will carry it is not known."""
    sample = reading.sample
    if not rise or sample.total <= 0.0:
        return reading
    factor = 1.0 + rise / sample.total
    if sample.tasks is None:
        return replace(reading, sample=replace(sample, value=sample.total * factor))
    tasks = {
        name: found if found.value is None else replace(found, value=found.value * factor)
        for name, found in sample.tasks.items()
    }
    return replace(reading, sample=replace(sample, tasks=tasks))
