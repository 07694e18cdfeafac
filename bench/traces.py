"""Recorded loads, and the replicas that they need."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, sqrt
from pathlib import Path

from autoscaler.backtest.series import Series, read_csv

PEAK_REPLICAS = 50
"""The 99.9th percentile of the load is what so many replicas carry."""
LARGE = 50.0
"""Counts above are drawn from the normal distribution, which is then as good as Poisson's."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A load in steps of equal length, as a rate per second."""

    name: str
    tick: float
    """Seconds of a step."""
    rates: Sequence[float]
    unit: float
    """The rate that one replica carries."""

    @property
    def demand(self) -> list[int]:
        """The fewest replicas that carry the load, at each step; at least one."""
        return [max(1, ceil(rate / self.unit - 1e-9)) for rate in self.rates]

    def counted(self, seed: int) -> list[float]:
        """Rates as they would be counted, step by step: with Poisson's noise."""
        draw = random.Random(seed)
        return [_poisson(draw, rate * self.tick) / self.tick for rate in self.rates]


def load(path: Path, hours: float, half: str = "second") -> Trace:
    """The middle of one half: so many hours, three times as many of a coarse recording.

    The fine structure of coarse traces is not known: between two samples lies a line.
    """
    series = next(iter(read_csv(path.read_text(), path.name).values()))
    tick = _tick(series)
    whole = series.end - series.start
    length = min(whole / 2, hours * 3600 * (3 if tick > 5 else 1))
    start = series.start + whole * (0.25 if half == "first" else 0.75) - length / 2
    found = [value for _, value in series.sampled(start, start + length, tick)]
    distance = series.distance
    rates = [max(0.0, value or 0.0) / distance for value in found]
    return Trace(path.stem, tick, rates, _unit(rates))


def _tick(series: Series) -> float:
    if series.distance < 5:
        return series.distance
    return 5.0 if series.distance <= 60 else 15.0


def _unit(rates: Sequence[float]) -> float:
    ordered = sorted(rates)
    peak = ordered[int(0.999 * (len(ordered) - 1))]
    return (peak or 1.0) / PEAK_REPLICAS


def _poisson(draw: random.Random, mean: float) -> float:
    if mean > LARGE:
        return max(0.0, round(draw.gauss(mean, sqrt(mean))))
    limit, count, product = exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return float(count)
