"""Where a metric will be when replicas that are added now have started.

What does best at forecasting it (`trend.py`) is followed for a while, as far as it rises. What
falls may rise again: a metric that falls is taken as it is. Added to that is what such forecasts
were wrong by of late.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

from autoscaler.ports import Reading
from autoscaler.strategies import trend


def look(memory: Any, reading: Reading, seconds: float) -> tuple[Any, Reading]:
    """What to remember, and the reading as it will be so many seconds on."""
    if not seconds:
        return None, reading
    now, at = reading.observation.now, reading.sample.at
    at = now if at is None else at
    after, found = trend.follow(memory, at, reading.total, now, seconds)
    return after, moved(reading, found.highest)


def moved(reading: Reading, total: float) -> Reading:
    """The reading with another total.

    A sample of tasks moves in proportion: which of them will carry it is not known.
    """
    sample = reading.sample
    if total <= 0.0 or (sample.total <= 0.0 and sample.tasks is not None):
        return reading
    if sample.tasks is None:
        return replace(reading, sample=replace(sample, value=total))
    factor = total / sample.total
    if not isfinite(factor):
        return reading
    tasks = {
        name: found if found.value is None else replace(found, value=found.value * factor)
        for name, found in sample.tasks.items()
    }
    return replace(reading, sample=replace(sample, tasks=tasks))
