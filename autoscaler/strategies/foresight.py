"""What a metric will be, how wrong such forecasts were, and whether they were of any use.

Inputs are what the metric is, by how much its trend has it rise, and how it went on a day ago;
recursive least squares learn what each of these counts. A forecast is compared with what came,
and with what would have been said without it: that the trend goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, isfinite
from typing import Any, Self

from autoscaler.strategies.recursive import Weights
from autoscaler.strategies.trend import Trend

FIRST = (1.0, 1.0, 0.0)
"""At first the forecast is the trend."""
EACH = 4
"""So many forecasts are made in the time that one looks ahead."""
ERRORS = 100
"""So many of its last errors are remembered,"""
FEWEST = 20
"""and so many must be known before it counts."""
ROLLING = 0.98
"""What is left of an error's weight after another one."""
FARTHEST = 3.0
"""No forecast is more than so many times what there is."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A forecast whose time has not come."""

    due: float
    value: float
    inputs: tuple[float, ...]
    """The first of them is what there was."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is remembered between two passes."""

    weights: Weights = field(default_factory=lambda: Weights.begun(FIRST))
    pending: tuple[Pending, ...] = ()
    errors: tuple[float, ...] = ()
    """By how much forecasts were too low, oldest first."""
    loss: float = 0.0
    """The rolling error of forecasts,"""
    naive: float = 0.0
    """and of none: that the trend goes on."""

    def after(self, at: float, trend: Trend, horizon: float, season: float) -> tuple[Self, float]:
        """With what came true by now; and what will be in `horizon` seconds.

        `season` is the change over these seconds a day ago.
        """
        known = self._compared(at, trend.level, horizon)
        inputs = (trend.level, trend.rise, season)
        value = _bounded(known.weights.output(inputs), trend.level)
        last = known.pending[-1].due if known.pending else at
        if not known.pending or at + horizon - last >= horizon / EACH:
            made = Pending(at + horizon, value, inputs)
            known = replace(known, pending=(*known.pending, made)[-EACH - 1 :])
        return known, value

    def margin(self, quantile: float) -> float:
        """What covers this share of the errors that were made; 0 or more."""
        place = max(0, ceil(quantile * len(self.errors)) - 1)
        return max(0.0, sorted(self.errors)[place]) if self.errors else 0.0

    @property
    def counts(self) -> bool:
        """Whether it is known to be no worse than no forecast."""
        return len(self.errors) >= FEWEST and self.loss <= self.naive

    def _compared(self, at: float, level: float, horizon: float) -> Self:
        """Forecasts whose time has come; one that nobody looked at in time says nothing."""
        due = [each for each in self.pending if each.due <= at]
        open_ = tuple(each for each in self.pending if at < each.due <= at + horizon)
        known = replace(self, pending=open_)
        for each in due:
            if at <= each.due + horizon / EACH:
                known = known._learned(each, level)
        return known

    def _learned(self, forecast: Pending, level: float) -> Self:
        error, naive = level - forecast.value, abs(level - sum(forecast.inputs[:2]))
        return replace(
            self,
            weights=_taught(self.weights, forecast.inputs, level),
            errors=(*self.errors, error)[-ERRORS:],
            loss=ROLLING * self.loss + (1 - ROLLING) * abs(error),
            naive=ROLLING * self.naive + (1 - ROLLING) * naive,
        )

    def stored(self) -> list[Any]:
        """As a memory."""
        pending = [[each.due, each.value, *each.inputs] for each in self.pending]
        return [self.weights.stored(), pending, list(self.errors), self.loss, self.naive]

    @classmethod
    def read(cls, memory: Any) -> Self:
        """What was stored. Raises TypeError and ValueError."""
        weights, pending, errors, loss, naive = memory
        found = cls(
            Weights.read(weights, len(FIRST)),
            tuple(_pending(each) for each in pending)[-EACH - 1 :],
            tuple(map(float, errors))[-ERRORS:],
            float(loss),
            float(naive),
        )
        numbers = [*found.errors, found.loss, found.naive]
        numbers += [n for each in found.pending for n in (each.due, each.value, *each.inputs)]
        if not all(map(isfinite, numbers)):
            raise ValueError("a number is not finite")
        return found


def _pending(memory: Any) -> Pending:
    due, value, *inputs = map(float, memory)
    if len(inputs) != len(FIRST):
        raise ValueError("not the inputs of a forecast")
    return Pending(due, value, tuple(inputs))


def _bounded(value: float, level: float) -> float:
    return max(0.0, min(value, FARTHEST * level)) if isfinite(value) else max(0.0, level)


def _taught(weights: Weights, inputs: Sequence[float], level: float) -> Weights:
    """All relative to what there was, so that large loads teach no more than small ones."""
    scale = abs(inputs[0])
    if scale <= 0.0 or not isfinite(level / scale):
        return weights
    shares = [value / scale for value in inputs]
    error = max(-1.0, min(level / scale - weights.output(shares), 1.0))
    return weights.learned(shares, error) or Weights.begun(FIRST)
