"""`memory_leak`: memory grows in a line that meets its limit before long.

The kernel kills a task that reaches its limit, in the middle of its work, and the tasks of
one service tend to reach it together. A rolling restart before that costs less.

heal:
  - rule: memory_leak
    source: docker
    query: memory
    of: limit
    horizon: 30m
    then: restart
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from autoscaler.durations import Duration, format_duration
from autoscaler.healing.trend import Line, Points, fitted
from autoscaler.model import Act, Finding, Health, Observation, Sample
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

MOST_POINTS = 30
"""Points that are remembered of a task, spread over the time that the trend is of."""
MOST_TASKS = 20
"""Tasks that are followed at a time: those that use most."""
WHOLE = ""
"""Stands for the service where a sample is not made of tasks' values."""


class _Use(NamedTuple):
    """What a task uses now, and what it may use."""

    value: float
    limit: float


class MemoryLeak(Strict):
    """Fit a line to the memory of each task, by least squares, and see where it leads.

    It must have enough points, over at least half of the time that is looked at, and most of
    their scatter must be due to the line: memory that swings does not leak.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.RESTART, Act.REPLACE, Act.NOTIFY})

    limit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The value at which it is over, in the unit of the metric. Unless stated, what the source
    says the value is a share of, or else the memory limit of the service."""
    horizon: Annotated[Duration, Field(gt=0, le=604_800)] = 1800.0
    """A limit that will be reached within this time is found."""
    within: Annotated[Duration, Field(ge=10, le=604_800)] = 3600.0
    """The time that the trend is reckoned over."""
    points: Annotated[int, Field(ge=3, le=MOST_POINTS)] = 10
    """So many points it takes."""
    fit: Annotated[float, Field(ge=0, le=1)] = 0.9
    """The least share of the scatter that the line must explain (R squared)."""

    def question(self) -> Mapping[str, Any]:
        """All of it is the policy's."""
        return {}

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remember points as {task id: [[when, value], ...]}, oldest first."""
        seen, sample = checkup.observation, checkup.sample
        uses = {} if sample is None else self._uses(sample, seen)
        at = seen.now if sample is None or sample.at is None else sample.at
        known = _read(memory)
        after = {
            key: self._with_point(known.get(key, []), at, use.value, checkup)
            for key, use in uses.items()
        }
        found = [
            (key, line)
            for key, use in uses.items()
            if (line := self._leak(after[key], use, seen.now)) is not None
        ]
        kept = {key: points for key, points in after.items() if points} or None
        return kept, _finding(found, uses, seen.now)

    def _uses(self, sample: Sample, seen: Observation) -> dict[str, _Use]:
        """Of the tasks that use most, how much; those without a value or limit are left out."""
        every = sorted(self._known(sample, seen), key=lambda each: -each[1].value)
        return dict(islice(every, MOST_TASKS))

    def _known(self, sample: Sample, seen: Observation) -> Iterator[tuple[str, _Use]]:
        own = self.limit or float(seen.service.limits.memory_bytes)
        if sample.tasks is None:
            if sample.value is not None and own:
                yield WHOLE, _Use(sample.value, own)
            return
        for task in seen.tasks or ():
            value = sample.tasks.get(task.id)
            limit = self.limit or (value and value.of) or own
            if task.healthy and value is not None and value.value is not None and limit:
                yield task.id, _Use(value.value, limit)

    def _with_point(self, points: Points, at: float, value: float, checkup: Checkup) -> Points:
        """With another point where the last one is long enough ago; without old ones."""
        oldest = max(at - self.within, checkup.since)
        kept = [point for point in points if oldest < point[0] <= at]
        if at > oldest and (not kept or at >= kept[-1][0] + self.within / MOST_POINTS):
            kept.append([at, value])
        return kept[-MOST_POINTS:]

    def _leak(self, points: Points, use: _Use, now: float) -> Line | None:
        """The line of points that leads to the limit before long."""
        if len(points) < self.points or points[-1][0] - points[0][0] < self.within / 2:
            return None
        line = fitted(points)
        leads = line.slope > 0 and line.fit >= self.fit
        return line if leads and line.at(now + self.horizon) >= use.limit else None


def _finding(found: list[tuple[str, Line]], uses: Mapping[str, _Use], now: float) -> Finding | None:
    """The first to reach its limit is named."""
    if not found:
        return None
    due = sorted((max(0.0, line.reaches(uses[key].limit) - now), key) for key, line in found)
    left, first = due[0]
    line, use = dict(found)[first], uses[first]
    told = (
        f"{first or 'it'} uses {use.value:,.0f}, grows by {line.slope * 60:,.0f} a minute"
        f" (R squared {line.fit:.2f}) and reaches {use.limit:,.0f}"
        f" in {format_duration(round(left, 0))}"
    )
    others = f"; so do {len(due) - 1} others" if len(due) > 1 else ""
    tasks = tuple(key for _, key in due if key != WHOLE)
    return Finding(state=Health.HEALTHY, reason=told + others, tasks=tasks)


def _read(memory: Any) -> dict[str, Points]:
    """What was remembered; what cannot be read counts as nothing."""
    if not isinstance(memory, Mapping):
        return {}
    return {key: [*points] for key, points in memory.items() if _are_points(points)}


def _are_points(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(number, int | float) for number in point)
        for point in found
    )
