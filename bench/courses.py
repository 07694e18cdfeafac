"""One controller over one recorded load: how well it does, and what the goal would cost it.

The goal is to be short of replicas for 1 % of the time at most; C@1 % is the cost at which it is
reached, by as much headroom as that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import groupby, pairwise
from math import log
from statistics import fmean

from autoscaler.backtest.measures import Quality, Span, quality, speedup
from bench.controllers import Asked, Controller, supply
from bench.traces import Trace

GOAL = 1.0
"""Percent of the time in which replicas may be lacking."""
RATIO = 1.08
"""The step from one headroom to the next."""
LEAST, TRIED = -2, (2, 6, 14, 30)
"""Headrooms from 0.86 to 10; a goal that is not reached at 10 is called unreachable."""


@dataclass(frozen=True, slots=True)
class Row:
    """One controller on one trace at one delay."""

    trace: str
    noise: bool
    delay: float
    controller: str
    plain: Quality
    """Without headroom."""
    eta: float
    """The elastic speedup over the mean number of replicas, all the time."""
    score: float | None
    """C@1 %; None where it is unreachable."""
    score_actions: float
    """Actions per hour at that score."""


class Course:
    """One controller over one trace, at any headroom; decisions do not depend on the delay."""

    def __init__(self, trace: Trace, noise: int | None, controller: Controller) -> None:
        self.trace = trace
        self.noise = noise
        self.controller = controller
        self.demand = trace.demand
        self._rates = trace.rates if noise is None else trace.counted(noise)
        self._asked: dict[int, Asked] = {}
        self._known: dict[tuple[int, float], Quality] = {}

    def quality(self, step: int, delay: float) -> Quality:
        """How well it did with the headroom of a step."""
        if (step, delay) not in self._known:
            self._known[step, delay] = self._measured(step, delay)
        return self._known[step, delay]

    def _measured(self, step: int, delay: float) -> Quality:
        if step not in self._asked:
            self._asked[step] = self.controller.follow(self.trace, self._rates, RATIO**step)
        asked = self._asked[step]
        running = supply(self.trace, asked, 0.0 if self.controller.instant else delay)
        actions = sum(before != after for before, after in pairwise(asked))
        return quality(spans(self.trace.tick, self.demand, running), actions)

    def score(self, delay: float) -> tuple[float | None, float]:
        """C@1 % and the actions per hour there, on the line between two headrooms."""
        low, high = self._bracket(delay)
        if high is None:
            return None, self.quality(low, delay).actions
        while high - low > 1:
            middle = (low + high) // 2
            if self.quality(middle, delay).tau_under > GOAL:
                low = middle
            else:
                high = middle
        return _between(self.quality(low, delay), self.quality(high, delay))

    def _bracket(self, delay: float) -> tuple[int, int | None]:
        """Headrooms below and above the goal, beginning at none: replays are what takes time."""
        if self.quality(0, delay).tau_under <= GOAL:
            return LEAST, 0
        low = 0
        for high in TRIED:
            if self.quality(high, delay).tau_under <= GOAL:
                return low, high
            low = high
        return low, None


def _between(short: Quality, enough: Quality) -> tuple[float, float]:
    """Where the goal lies between two qualities; shortage falls about exponentially."""
    if short.tau_under <= GOAL:
        return short.cost, short.actions
    upper, lower = log(short.tau_under), log(max(enough.tau_under, GOAL / 100))
    part = (upper - log(GOAL)) / (upper - lower)
    cost = short.cost + part * (enough.cost - short.cost)
    return cost, short.actions + part * (enough.actions - short.actions)


def spans(tick: float, demand: Sequence[int], running: Sequence[int]) -> list[Span]:
    """Steps that are alike, put together."""
    pairs = groupby(zip(demand, running, strict=True))
    return [Span(tick * len([*same]), *pair) for pair, same in pairs]


def rows_of(course: Course, delays: Sequence[float]) -> list[Row]:
    """What is known of a controller, for each time that a replica needs to start."""
    still = _still(course)
    rows = []
    for delay in delays:
        plain, (score, actions) = course.quality(0, delay), course.score(delay)
        names = (course.trace.name, course.noise is not None, delay, course.controller.name)
        rows.append(Row(*names, plain, speedup(still, plain), score, actions))
    return rows


def _still(course: Course) -> Quality:
    """The mean demand, all the time: a service that nobody scales."""
    mean = max(1, round(sum(course.demand) / len(course.demand)))
    return quality(spans(course.trace.tick, course.demand, [mean] * len(course.demand)), 0)


def averaged(rows: Iterable[Row]) -> list[Row]:
    """A row for each controller at each place: the mean over the seeds of the noise.

    A goal that is not reached with each of them is not reached.
    """
    places: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        places.setdefault((row.trace, row.noise, row.delay, row.controller), []).append(row)
    return [_mean(found) for found in places.values()]


def _mean(rows: Sequence[Row]) -> Row:
    plain = [astuple(row.plain) for row in rows]
    scores = [row.score for row in rows if row.score is not None]
    return replace(
        rows[0],
        plain=Quality(*map(fmean, zip(*plain, strict=True))),
        eta=fmean(row.eta for row in rows),
        score=fmean(scores) if len(scores) == len(rows) else None,
        score_actions=fmean(row.score_actions for row in rows),
    )
