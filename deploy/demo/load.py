"""How many jobs come, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from deploy.demo.jobs import JobQueue

STEP = 0.1
"""Seconds between two deliveries of jobs."""


class Phase(NamedTuple):
    """A time in which the rate of new jobs goes evenly from one value to another."""

    name: str
    seconds: float
    start: float
    """Jobs per second at its beginning."""
    end: float
    """Jobs per second at its end."""


Profile = Sequence[Phase]

FULL: Profile = (
    Phase("quiet", 6, 0.5, 0.5),
    Phase("rising", 12, 0.5, 8),
    Phase("high", 25, 8, 8),
    Phase("falling", 8, 8, 0.5),
)
SHORT: Profile = (
    Phase("quiet", 3, 0.5, 0.5),
    Phase("high", 10, 8, 8),
    Phase("falling", 2, 8, 0.5),
)
AFTERWARDS = "afterwards"
"""The phase that follows every profile, at the rate of its end."""
PATIENCE = 180.0
"""Seconds that the service has at most to shrink in that phase."""


def at(profile: Profile, seconds: float) -> tuple[Phase, float]:
    """The phase at a time since the start, and its jobs per second."""
    for phase in profile:
        if seconds < phase.seconds:
            share = seconds / phase.seconds
            return phase, phase.start + (phase.end - phase.start) * share
        seconds -= phase.seconds
    rate = profile[-1].end
    return Phase(AFTERWARDS, PATIENCE, rate, rate), rate


def jobs(profile: Profile, seconds: float) -> float:
    """The jobs that came since the start, however seldom anybody looks."""
    total, left = 0.0, seconds
    for phase in profile:
        spent = min(left, phase.seconds)
        rise = (phase.end - phase.start) * spent / phase.seconds
        total += spent * (phase.start + rise / 2)
        left -= spent
    return total + left * profile[-1].end


def duration(profile: Profile) -> float:
    """Seconds until the load is over."""
    return sum(phase.seconds for phase in profile)


async def produce(profile: Profile, queue: JobQueue) -> None:
    """Deliver jobs, for ever."""
    loop = asyncio.get_running_loop()
    started, delivered = loop.time(), 0
    while True:
        await asyncio.sleep(STEP)
        due = int(jobs(profile, loop.time() - started))
        await queue.add(due - delivered)
        delivered = due
