"""A clock that was ahead and was set right leaves times behind that have not come yet."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import Memory


def not_ahead(memory: Memory, now: float) -> Memory:
    """The memory with no time later than `now`, as if what it tells had just happened."""
    if _latest(memory) <= now:
        return memory
    return replace(
        memory,
        recommendations=tuple(
            replace(run, since=min(run.since, now), until=min(run.until, now))
            for run in memory.recommendations
        ),
        scaled=tuple(replace(change, at=min(change.at, now)) for change in memory.scaled),
        disturbed_at=_capped(memory.disturbed_at, now),
        missing_since=_capped(memory.missing_since, now),
        good_at=_capped(memory.good_at, now),
        changed=memory.changed and replace(memory.changed, at=min(memory.changed.at, now)),
        reset=memory.reset and replace(memory.reset, at=min(memory.reset.at, now)),
    )


def _latest(memory: Memory) -> float:
    times = (memory.disturbed_at, memory.missing_since, memory.good_at)
    marks = (memory.changed, memory.reset)
    return max(
        memory.recommendations[-1].until if memory.recommendations else 0.0,
        memory.scaled[-1].at if memory.scaled else 0.0,
        *(at for at in times if at is not None),
        *(mark.at for mark in marks if mark is not None),
    )


def _capped(at: float | None, now: float) -> float | None:
    return None if at is None else min(at, now)
