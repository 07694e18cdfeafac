"""Where a noisy metric is now, where it goes, and how far that can be trusted.

Means over seconds and over minutes, and lines through the last seconds, compete in forecasting
(`rivals.py`); what counts is how well each did of late. Because a change may be larger than
what did well so far can follow, no forecast leaves the range that the last points allow: the
means over longer and longer times narrow it, each by what its noise leaves open, until one
contradicts the shorter ones (Lepski's rule, 1991).

What forecasts were wrong by, beyond the noise of the points themselves, is the margin. That noise
is what a point lies off the line between its neighbours, which does not take a slope for noise
(Gasser, Sroka and Jennen-Steinmetz, Biometrika 73, 1986).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, isfinite, sqrt
from typing import Any, NamedTuple

from autoscaler.strategies.lines import Line
from autoscaler.strategies.rivals import FORGETTING, Rivals

AHEAD = 60.0
"""Seconds that a source's clock may be ahead; what is from later still is forgotten."""
MEANS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Seconds after which a point counts 1/e, for each mean."""
LINES = 3
"""Of so many, the shortest, the line is followed as well."""
RIVALS = 1 + len(MEANS) + LINES
"""One more forecast is that all stays as it is."""
DOUBT = 3.0
"""So many standard errors of the shorter mean apart, and the longer one is wrong."""
CAUTION = 1.0
"""So many standard errors of forecasts are the margin."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A metric, without its noise."""

    level: float
    """Where it is."""
    rise: float
    """How much higher it will be; 0 where it falls, for it may rise again."""
    highest: float
    """Where it may well be by then, for all that forecasts were wrong by; 0 or more."""


class Noise(NamedTuple):
    """How far points lie off the line between their neighbours."""

    squares: float = 0.0
    weight: float = 0.0
    points: tuple[tuple[float, float], ...] = ()
    """The last two: times and values."""

    def after(self, at: float, seconds: float, value: float) -> Noise:
        """With one more point."""
        kept = exp(-seconds / FORGETTING)
        points = (*self.points, (at, value))
        if len(points) < 3:
            return self._replace(points=points)
        (first, before), (middle, between), _ = points
        part = (middle - first) / (at - first)
        off = between - before - part * (value - before)
        square = off * off / (1.0 + part * part + (1.0 - part) * (1.0 - part))
        return Noise(kept * self.squares + square, kept * self.weight + 1.0, points[1:])

    @property
    def variance(self) -> float:
        """Of a point."""
        return self.squares / self.weight if self.weight else 0.0


class Course(NamedTuple):
    """What is remembered of a metric."""

    at: float
    value: float
    lines: tuple[Line, ...]
    noise: Noise
    rivals: Rivals

    def after(self, at: float, value: float, horizon: float) -> Course:
        """With one more point; begins anew where numbers grow beyond all bounds."""
        seconds = at - self.at
        pairs = zip(self.lines, MEANS, strict=True)
        lines = tuple(line.after(seconds, value, forgetting) for line, forgetting in pairs)
        noise = self.noise.after(at, seconds, value)
        rivals = self.rivals.after(at, seconds, value)
        found = Course(at, value, lines, noise, rivals)._saying(horizon)
        return found if found.is_sane() else begun(at, value, horizon)

    def _saying(self, horizon: float) -> Course:
        said = [level + rise for level, rise in self._forecasts(horizon)]
        return self._replace(rivals=self.rivals.saying(self.at, horizon, said))

    def _forecasts(self, horizon: float) -> Iterator[tuple[float, float]]:
        """What each rival takes for the level, and by how much it sees that rise."""
        yield self.value, 0.0
        for line in self.lines:
            yield line.mean, 0.0
        for line in self.lines[:LINES]:
            level, slope = line.now()
            yield max(0.0, level), max(0.0, slope) * horizon

    def trend(self, horizon: float) -> Trend:
        """Where it is, and where it will be so many seconds on."""
        levels, rises = zip(*self._forecasts(horizon), strict=True)
        rise = self.rivals.average(rises)
        low, high = self._range()
        level = min(self.rivals.average(levels), high)
        return Trend(max(level, low), rise, max(0.0, low, level + rise + self._margin))

    @property
    def _margin(self) -> float:
        return CAUTION * sqrt(max(0.0, self.rivals.variance - self.noise.variance))

    def _range(self) -> tuple[float, float]:
        """The levels that the last points allow."""
        doubt = DOUBT * sqrt(self.noise.variance)
        low, high = self.value - doubt, self.value + doubt
        for line in self.lines:
            if not low <= line.mean <= high:
                break
            reach = doubt * line.mean_error
            low, high = max(low, line.mean - reach), min(high, line.mean + reach)
        return low, high

    def is_sane(self) -> bool:
        """Whether all of it can be reckoned with: one number that is not finite spoils a sum."""
        total = self.at + self.value + self.noise.squares + self.noise.weight
        total += sum([sum(line) + sum(line.now()) for line in self.lines])
        total += sum([sum(point) for point in self.noise.points])
        return isfinite(total + self.rivals.total())

    def stored(self) -> list[Any]:
        """As a memory."""
        lines = [list(line) for line in self.lines]
        squares, weight, points = self.noise
        noise = [squares, weight, [list(point) for point in points]]
        return [self.at, self.value, lines, noise, self.rivals.stored()]


def begun(at: float, value: float, horizon: float) -> Course:
    """A metric that is seen for the first time."""
    lines = (Line().after(0.0, value, 1.0),) * len(MEANS)
    noise, rivals = Noise(points=((at, value),)), Rivals((0.0,) * RIVALS)
    return Course(at, value, lines, noise, rivals)._saying(horizon)


def follow(
    memory: Any, at: float, value: float, now: float, horizon: float
) -> tuple[list[Any], Trend]:
    """What to remember, and the trend over `horizon` seconds; the same measurement counts once."""
    known = _read(memory)
    if known is None or known.at > now + AHEAD:
        known = begun(at, value, horizon)
    elif at > known.at:
        known = known.after(at, value, horizon)
    return known.stored(), known.trend(horizon)


def newest(memory: Any) -> float | None:
    """When the last point was measured that is remembered; None without one."""
    known = _read(memory)
    return None if known is None else known.at


def _read(memory: Any) -> Course | None:
    """What `follow` remembered; None where it cannot be read."""
    try:
        at, value, lines, (squares, weight, points), rivals = memory
        known = tuple(Line(*map(float, line)) for line in lines)
        last = tuple((float(moment), float(seen)) for moment, seen in points)
        noise = Noise(float(squares), float(weight), last)
        found = Course(float(at), float(value), known, noise, Rivals.read(rivals, RIVALS))
        return found if _is_sound(found) else None
    except (TypeError, ValueError, ArithmeticError):
        return None


def _is_sound(found: Course) -> bool:
    times = [at for at, _ in found.noise.points]
    rising = 1 <= len(times) <= 2 and times == sorted(set(times)) and times[-1] == found.at
    sums = min(found.noise.squares, found.noise.weight) >= 0.0
    lines = len(found.lines) == len(MEANS) and all(line.weight >= 1.0 for line in found.lines)
    return rising and sums and lines and found.is_sane()
