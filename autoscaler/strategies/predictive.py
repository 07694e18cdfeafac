"""`predictive`: as `target` that looks ahead, and never fewer than a learned forecast asks for.

predictive: {average_value: 100}
predictive: {average_value: 100, horizon: 2m, quantile: 0.95, season: true}
"""

from __future__ import annotations

from functools import cached_property
from math import ceil
from typing import Annotated, Any

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strategies import ahead, trend
from autoscaler.strategies.foresight import Foresight
from autoscaler.strategies.proportion import MOST_REPLICAS
from autoscaler.strategies.season import Season
from autoscaler.strategies.target import Positive, Target
from autoscaler.strict import Strict


class Predictive(Strict):
    """Add replicas before they are needed: for what a forecast sees, and for how wrong it was."""

    average_value: Positive
    """What each replica shall carry; the metric is the total, or one value per task."""
    horizon: Annotated[Duration, Field(ge=5, le=900)] = 60.0
    """How far ahead: the time that a new replica needs until it carries its share, and half of the
    time between two passes."""
    quantile: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9
    """The share of the forecast's own past errors that is covered on top of it."""
    season: bool = False
    """Whether the load repeats itself daily: a day is remembered, 288 numbers."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Recommend replicas; remembers trend, forecasts that are open, errors and a day."""
        after, found, foresight, value = self._foreseen(memory, reading)
        asked = self._reactive.recommend(ahead.moved(reading, found.highest))
        if asked.replicas is None:
            return after, asked
        if not foresight.counts:
            told = f"{asked.reason}; no forecast that is better than none"
            return after, Recommendation(name=asked.name, replicas=asked.replicas, reason=told)
        floor = value + foresight.margin(self.quantile)
        least = ceil(min(floor / self.average_value, MOST_REPLICAS))
        told = f"{asked.reason}; {floor:g} foreseen in {self.horizon:g} s: at least {least}"
        replicas = max(asked.replicas, least)
        return after, Recommendation(name=asked.name, replicas=replicas, reason=told)

    @cached_property
    def _reactive(self) -> Target:
        stated = {"average_value": self.average_value, "look_ahead": f"{self.horizon:g}s"}
        return Target.model_validate(stated)

    def _foreseen(self, memory: Any, reading: Reading) -> tuple[Any, trend.Trend, Foresight, float]:
        """The memory, the trend, how forecasts did, and the newest; a measurement counts once."""
        now, at = reading.observation.now, reading.sample.at
        at = now if at is None else at
        course, foresight, season = self._read(memory)
        last = trend.newest(course)
        course, found = trend.follow(course, at, reading.total, now, self.horizon)
        if trend.newest(course) != last:
            season = season.after(at, found.level) if self.season else season
            change = season.change(at, self.horizon) if self.season else 0.0
            foresight, value = foresight.after(at, found, self.horizon, change)
        else:
            value = foresight.pending[-1].value if foresight.pending else found.level
        remembered = [course, foresight.stored(), season.stored() if self.season else None]
        return remembered, found, foresight, value

    def _read(self, memory: Any) -> tuple[Any, Foresight, Season]:
        """What was remembered; nothing where it cannot be read."""
        try:
            course, foresight, season = memory
            known = Season.read(season) if self.season and season is not None else Season()
            return course, Foresight.read(foresight), known
        except (TypeError, ValueError, ArithmeticError):
            return None, Foresight(), Season()
