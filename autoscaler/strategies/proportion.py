"""HPA's arithmetic: replicas in proportion to how far a metric is from its target.

Sources: Kubernetes `pkg/controller/podautoscaler/replica_calculator.go` and
`metrics/utilization.go`. HPA reckons in whole milli-units and truncates averages; here a
quantum stands for the milli-unit, so that no difference that matters is too small to see.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from autoscaler.strategies.grouping import Groups

MOST_REPLICAS = 2**31 - 1
MOST_QUANTA = 2**63 - 1
MILLI = 0.001
FINEST = -300
"""The decade of the smallest quantum."""


class Band(NamedTuple):
    """The dead band around a target, as shares of it; both edges belong to it."""

    down: float
    up: float

    def holds(self, ratio: float) -> bool:
        """Whether a ratio of usage to target is near enough to 1."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Proposal(NamedTuple):
    """Replicas, the average behind them in quanta or percent, and its ratio to the target."""

    replicas: int
    average: int
    ratio: float


def quanta(value: float, quantum: float) -> int:
    """A finite value in whole quanta, saturating at 2**63 - 1 on either side of zero."""
    amount = value / quantum
    if abs(amount) >= MOST_QUANTA:
        return MOST_QUANTA if amount > 0 else -MOST_QUANTA
    return round(amount)


def some_quanta(value: float, quantum: float) -> int:
    """As `quanta`, and at least one: for what is divided by."""
    return max(1, quanta(value, quantum))


@lru_cache(maxsize=1024)
def quantum_for(target: float) -> float:
    """Eight decades below the target's own: a difference of a millionth is seen."""
    return float(10.0 ** max(math.floor(math.log10(target)) - 8, FINEST))


def ceil_replicas(value: float) -> int:
    """Round up, between 0 and 2**31 - 1."""
    return max(0, MOST_REPLICAS if value >= MOST_REPLICAS else math.ceil(value))


def total_per_replica(usage: int, target: int, current: int, band: Band) -> Proposal:
    """`average_value` of a total: as many replicas as share it at `target` each."""
    ratio = usage / (target * current) if current else math.inf if usage else 0.0
    average = -(-usage // current) if current else 0
    if current and band.holds(ratio):
        return Proposal(current, average, ratio)
    return Proposal(ceil_replicas(usage / target), average, ratio)


def by_factor(factor: float, usage: int, current: int, ready: int, band: Band) -> Proposal:
    """`value`: the factor, times the replicas that are ready. From zero: the factor itself."""
    factor = max(-MOST_QUANTA, min(factor, MOST_QUANTA))
    if current == 0:
        return Proposal(ceil_replicas(factor), usage, factor)
    if band.holds(factor):
        return Proposal(current, usage, factor)
    return Proposal(ceil_replicas(factor * ready), usage, factor)


@dataclass(frozen=True, slots=True)
class TaskUsage:
    """Usage by task id in quanta, and for utilization what it is a share of."""

    usage: Mapping[str, int]
    base: Mapping[str, int] | None
    target: int
    """Quanta, or percent where there is a base."""

    def ratio(self, usage: Mapping[str, int]) -> tuple[int, float]:
        """The truncated average (percent of the base, if any) and its ratio to the target."""
        average = self._average(usage)
        return average, average / self.target

    def _average(self, usage: Mapping[str, int]) -> int:
        total = _total(usage.values())
        if self.base is None:
            return _divide(total, len(usage))
        return _divide(total * 100, _total(map(self.base.__getitem__, usage)))

    def full(self, task: str) -> int:
        """What a task without a sample is taken to use when others are below target."""
        if self.base is None:
            return self.target
        return _divide(self.base[task] * max(100, self.target), 100)


def per_task(current: int, groups: Groups, usage: TaskUsage, band: Band) -> Proposal:
    """Per-task metrics: tasks without a sample damp the change and never reverse it.

    `usage.usage` must hold at least one task of `groups.ready`.
    """
    known = usage.usage
    if len(known) > len(groups.ready):
        known = {task: known[task] for task in groups.ready}
    average, ratio = usage.ratio(known)
    rising_unready = bool(groups.unready) and ratio > 1.0
    if not rising_unready and not groups.missing:
        held = band.holds(ratio)
        return Proposal(current if held else ceil_replicas(ratio * len(known)), average, ratio)
    damped = {**known, **_assumed(groups, usage, ratio, rising_unready)}
    return Proposal(
        _damped(current, ratio, usage.ratio(damped)[1], len(damped), band), average, ratio
    )


def _assumed(
    groups: Groups, usage: TaskUsage, ratio: float, rising_unready: bool
) -> dict[str, int]:
    """Samples made up against the direction of the change."""
    assumed: dict[str, int] = {}
    if ratio < 1.0:
        assumed |= {task: usage.full(task) for task in groups.missing}
    elif ratio > 1.0:
        assumed |= dict.fromkeys(groups.missing, 0)
    if rising_unready:
        assumed |= dict.fromkeys(groups.unready, 0)
    return assumed


def _damped(current: int, ratio: float, damped: float, count: int, band: Band) -> int:
    reversed_ = (ratio < 1.0 < damped) or (ratio > 1.0 > damped)
    if band.holds(damped) or reversed_:
        return current
    replicas = ceil_replicas(damped * count)
    against = (damped < 1.0 and replicas > current) or (damped > 1.0 and replicas < current)
    return current if against else replicas


def _total(values: Iterable[int]) -> int:
    return min(sum(values), MOST_QUANTA)


def _divide(dividend: int, divisor: int) -> int:
    """Whole division that truncates towards zero, as HPA's does."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient
