"""How well replicas followed demand.

The terms are those of the SPEC research group's "Ready for Rain?" (SPEC-RG-2016-01) and of
Imdoukh et al. (doi 10.1007/s00521-019-04507-z, equations 12 to 16): accuracies relative to
demand, shares of time, and the elastic speedup over a service that is never scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

LEAST = 0.01
"""Percent; a measure below counts as this much in `speedup`, which would be infinite else."""
INSTABILITY_STEP = 60.0
"""Seconds between the looks at which directions are compared."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time over which nothing changed."""

    seconds: float
    demand: int
    """The fewest replicas that are enough; at least 1."""
    supply: int
    """The replicas that run."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well supply followed demand; all but the last three in percent."""

    theta_under: float
    """What was lacking, relative to demand, on the average over time."""
    theta_over: float
    """What was too much, relative to demand, on the average over time."""
    tau_under: float
    """The share of time with too little."""
    tau_over: float
    """The share of time with too much."""
    instability: float
    """The share of looks, one a minute, between which supply and demand moved differently."""
    actions: float
    """Changes of the number of replicas, per hour."""
    cost: float
    """Replica-seconds, relative to those of an oracle that follows demand exactly."""
    hours: float
    """The time that was looked at."""


def quality(spans: Iterable[Span], actions: int) -> Quality:
    """The measures of a run. Raises ValueError for a run without length."""
    known = list(spans)
    total = sum(span.seconds for span in known)
    if total <= 0:
        raise ValueError("nothing was measured: the run has no length")
    needed = sum(span.demand * span.seconds for span in known)

    def share(part: Iterable[float]) -> float:
        return 100.0 * sum(part) / total

    return Quality(
        theta_under=share(s.seconds * max(s.demand - s.supply, 0) / s.demand for s in known),
        theta_over=share(s.seconds * max(s.supply - s.demand, 0) / s.demand for s in known),
        tau_under=share(s.seconds for s in known if s.supply < s.demand),
        tau_over=share(s.seconds for s in known if s.supply > s.demand),
        instability=_instability(known),
        actions=3600.0 * actions / total,
        cost=sum(s.supply * s.seconds for s in known) / needed,
        hours=total / 3600.0,
    )


def _instability(spans: Sequence[Span]) -> float:
    looks = _looks(spans)
    moves = [
        (_sign(after.supply - before.supply), _sign(after.demand - before.demand))
        for before, after in pairwise(looks)
    ]
    return 100.0 * sum(s != d for s, d in moves) / len(moves) if moves else 0.0


def _looks(spans: Sequence[Span]) -> list[Span]:
    """The state at each full minute."""
    looks, passed, due = [], 0.0, 0.0
    for span in spans:
        while due < passed + span.seconds:
            looks.append(span)
            due += INSTABILITY_STEP
        passed += span.seconds
    return looks


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def speedup(without: Quality, scaled: Quality) -> float:
    """eta: how much better than `without`, as the geometric mean of four ratios; above 1 is a gain.

    Explodes where a measure comes near to zero: look at the four as well.
    """
    pairs = zip(_four(without), _four(scaled), strict=True)
    ratios = [max(before, LEAST) / max(after, LEAST) for before, after in pairs]
    return prod(ratios) ** (1 / len(ratios))


def _four(measured: Quality) -> tuple[float, float, float, float]:
    return (
        measured.tau_under,
        measured.tau_over,
        measured.theta_under,
        measured.theta_over,
    )
