"""`step`: a change of replicas for each band that a metric may lie in.

step:
  window: 1m
  points: 3
  steps:
    - {lower: 80, change: 2}        # from 80 on: two more
    - {lower: 95, percent: 50}      # from 95 on: half as many again
    - {upper: 20, change: -1}       # below 20: one fewer
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strategies import points
from autoscaler.strategies.caution import by_total
from autoscaler.strategies.points import MOST_POINTS
from autoscaler.strict import Strict

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Band(Strict):
    """What to do while the metric lies between two bounds."""

    lower: Finite | None = None
    """The band begins here; the bound itself is inside."""
    upper: Finite | None = None
    """The band ends here; the bound itself is outside."""
    change: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    """Replicas to add, or to remove where negative."""
    percent: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)] | None = None
    """Change in percent of the replicas, rounded up."""
    replicas: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """The number of replicas to have."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError("state lower:, upper: or both")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"no value is from {self.lower:g} on and below {self.upper:g}")
        stated = [self.change, self.percent, self.replicas]
        if sum(one is not None for one in stated) != 1:
            raise ValueError("state exactly one of change:, percent: and replicas:")
        return self

    def holds(self, value: float) -> bool:
        """Whether a value lies in the band."""
        above = self.lower is None or value >= self.lower
        return above and (self.upper is None or value < self.upper)

    def applied(self, current: int) -> int:
        """The replicas to have, 0 or more."""
        if self.replicas is not None:
            return self.replicas
        if self.change is not None:
            return max(0, current + self.change)
        # Reckoned as Nomad does, binary fractions included: 100 and 10 % give 111.
        return max(0, math.ceil(current * (1 + (self.percent or 0.0) / 100)))


class Step(Strict):
    """Change the replicas by what the band says that the metric lies in; between bands, rest."""

    steps: Annotated[tuple[Band, ...], Field(min_length=1, max_length=100)]
    """The bands; where several hold, the one that leaves most replicas counts."""
    window: Annotated[Duration, Field(ge=0, le=3600)] = 0.0
    """How far back points are looked at; `0s` looks at the newest only."""
    points: Annotated[int, Field(le=MOST_POINTS)] = 1
    """So many points of the window must lie in a band; with 0 or less it always holds."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Remembers the points of the window, each once however often it was read."""
        known = points.seen(memory, reading, self.window)
        found = self.recommend([value for _, value in known], reading.current)
        replicas = reading.current if found is None else found
        told = "no change" if replicas == reading.current else f"{reading.current} -> {replicas}"
        recommendation = by_total(reading, replicas, f"{known[-1][1]:g} seen: {told}")
        return points.stored(known) if self.window else None, recommendation

    def recommend(self, values: list[float], current: int) -> int | None:
        """The replicas to have, from the values of the window; None between the bands."""
        fits = [
            band.applied(current)
            for band in self.steps
            if sum(band.holds(value) for value in values) >= self.points
        ]
        return max(fits, default=None)
