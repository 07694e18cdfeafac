"""What a frame of the engine's statistics says, and what the last of them come to. Pure.

The engine sends a frame a second. CPU is the difference of two totals, so that no second in
between is lost; memory is the average over the frames.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FRAME_EVERY = 1.0
"""Seconds between two frames of an engine that keeps up."""
FRESH_FOR = 3.0
"""Frames that may fail to come before a container's value is no longer known."""
MOST_KEPT = 1000
"""Frames of one container that are kept at most, however fast they come."""
_SLACK = 0.5
"""How much older than the window, in frames, its first frame may be: they are not punctual."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of one frame."""

    at: float
    """When the engine took them, by its own clock, in Unix seconds."""
    cpu: float
    """Processor time used since the container's start, in seconds."""
    memory: float | None
    """Bytes in use, without file pages that the kernel could drop at once; None on a node
    that does not count memory."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An average over a window that was actually seen."""

    value: float
    """Cores, or bytes."""
    at: float
    """When its last frame was taken."""
    window: float
    """Seconds from its first to its last frame."""


def read_frame(line: bytes) -> Reading | None:
    """The numbers in a line; None when there are none: the container does not run.

    Raises ValueError when the line is not the engine's JSON.
    """
    try:
        frame = json.loads(line)
        total = frame["cpu_stats"]["cpu_usage"]["total_usage"]
        if not total:
            return None
        at = datetime.fromisoformat(frame["read"]).timestamp()
        return Reading(at, _number(total) / 1e9, _in_use(frame["memory_stats"]))
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a frame of statistics: {error!r}") from error


def _in_use(memory: dict[str, Any]) -> float | None:
    """As `docker stats` counts: without inactive file pages, by either version of cgroups."""
    if "usage" not in memory:
        return None
    usage, stats = _number(memory["usage"]), memory.get("stats") or {}
    droppable = _number(stats.get("total_inactive_file", stats.get("inactive_file", 0)))
    return usage - droppable if droppable < usage else usage


def _number(value: Any) -> float:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is not an amount")
    return float(value)


class History:
    """The last frames of one container."""

    def __init__(self) -> None:
        self.keep = 0.0
        """Seconds of frames that somebody asks for."""
        self._readings: deque[Reading] = deque(maxlen=MOST_KEPT)
        self._arrived = float("-inf")

    def add(self, reading: Reading, arrived: float) -> None:
        """Take a frame in, that came at `arrived` by a clock that only goes forward.

        Totals that go back are those of a container that was started again: what was
        before tells nothing of it. So do frames after a clock was set back.
        """
        last = self._readings[-1] if self._readings else reading
        if reading.cpu < last.cpu or reading.at < last.at:
            self._readings.clear()
        elif reading.at == last.at and self._readings:
            return
        self._arrived = arrived
        self._readings.append(reading)
        self._forget(reading.at - self.keep - _SLACK)

    @property
    def length(self) -> int:
        """How many frames are kept."""
        return len(self._readings)

    @property
    def last(self) -> Reading | None:
        """The newest frame."""
        return self._readings[-1] if self._readings else None

    def is_fresh(self, now: float) -> bool:
        """Whether frames still come, by the clock of `add`; an engine under load is slower."""
        return now - self._arrived <= FRESH_FOR * max(FRAME_EVERY, self._spacing())

    def cpu(self, window: float) -> Measured | None:
        """Cores used over the window; None until two frames of it have come."""
        seen = self._within(window)
        if len(seen) < 2:
            return None
        first, last = seen[0], seen[-1]
        span = last.at - first.at
        return Measured((last.cpu - first.cpu) / span, last.at, span)

    def memory(self, window: float) -> Measured | None:
        """Bytes in use over the window, on average; None until a frame of it has come."""
        seen = [(one.at, one.memory) for one in self._within(window) if one.memory is not None]
        if not seen:
            return None
        average = sum(memory for _, memory in seen) / len(seen)
        return Measured(average, seen[-1][0], seen[-1][0] - seen[0][0])

    def _within(self, window: float) -> list[Reading]:
        if not self._readings:
            return []
        start = self._readings[-1].at - window - _SLACK
        return [one for one in self._readings if one.at >= start]

    def _forget(self, before: float) -> None:
        while self._readings[0].at < before:
            self._readings.popleft()

    def _spacing(self) -> float:
        if len(self._readings) < 2:
            return 0.0
        return (self._readings[-1].at - self._readings[0].at) / (len(self._readings) - 1)
