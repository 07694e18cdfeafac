"""The line that a noisy metric follows now, and how far it can be trusted.

Several lines go through the points, each by least squares that forget: the first within seconds,
the last within minutes. The longest counts that no shorter one contradicts, as far as the noise
lets them be told apart (Lepski's rule, 1991). Without noise that is a short one, which follows
each turn; the more noise there is the longer are the lines that it cannot be told from. The
noise is the median of how much each point surprised the shortest line.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, sqrt
from typing import Any, NamedTuple

AHEAD = 60.0
"""Seconds that a source's clock may be ahead; what is from later still is forgotten."""
FORGETTING = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Seconds after which a point counts 1/e, for each line."""
DOUBT = 3.0
"""So many standard errors of the shorter line apart, and the longer one is wrong."""
CAUTION = 2.0
"""So many standard errors are doubted: a level may be higher, a slope may be less steep."""
HASTE = 0.05
"""How fast the estimate of the noise follows surprises, as a share of it with each point."""
LEAST_NOISE = 0.001
"""Noise is taken for no less than this share of the value."""
NORMAL = 0.81
"""Median surprise of the shortest line where the noise is normal with a deviation of 1."""


class Line(NamedTuple):
    """Sums over points by weight: ages are negative seconds, the newest point's is 0."""

    weight: float = 0.0
    age: float = 0.0
    age_squared: float = 0.0
    value: float = 0.0
    age_value: float = 0.0

    def after(self, seconds: float, value: float, forgetting: float) -> Line:
        """The line with one more point."""
        weight, age, age_squared, total, age_value = self
        kept = exp(-seconds / forgetting)
        return Line(
            kept * weight + 1.0,
            kept * (age - seconds * weight),
            kept * (age_squared - seconds * (2.0 * age - seconds * weight)),
            kept * total + value,
            kept * (age_value - seconds * total),
        )

    def now(self) -> tuple[float, float]:
        """Its value at the newest point, and its change per second: 0 with a single point."""
        weight, age, age_squared, total, age_value = self
        spread = weight * age_squared - age * age
        if spread <= 1e-9 * weight * age_squared:
            return total / weight, 0.0
        slope = (weight * age_value - age * total) / spread
        return (total - slope * age) / weight, slope

    def errors(self) -> tuple[float, float]:
        """Standard errors of level and slope, in units of the noise of a point.

        Those of exponential weights at even distances (Brown 1963, double smoothing).
        """
        kept = 1.0 - 1.0 / self.weight
        if kept <= 0.0 or self.age >= 0.0:
            return 1.0, 0.0
        share = (1.0 - kept) / (1.0 + kept)
        level = share * (1.0 + 4.0 * kept + 5.0 * kept * kept) / (1.0 + kept) ** 2
        distance = self.age / (self.weight * (1.0 - self.weight))
        return sqrt(level), sqrt(2.0 * share**3) / distance


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a metric is now, and where it goes."""

    level: float
    slope: float
    """Change per second."""
    level_error: float
    """Standard error of the level."""
    slope_error: float

    @property
    def highest(self) -> float:
        """Where it may well be now, if noise made it look lower."""
        return self.level + CAUTION * self.level_error

    def rise(self, seconds: float) -> float:
        """How much higher it will be, as far as that is more than noise; 0 where it falls."""
        return max(0.0, self.slope - CAUTION * self.slope_error) * seconds


class Course(NamedTuple):
    """What is remembered of a metric."""

    at: float
    noise: float
    """The median of how far a point was from where the shortest line would have had it."""
    points: int
    lines: tuple[Line, ...]

    def after(self, at: float, value: float) -> Course:
        """With one more point; begins anew where numbers grow beyond all bounds."""
        seconds = at - self.at
        pairs = zip(self.lines, FORGETTING, strict=True)
        lines = tuple(line.after(seconds, value, forgetting) for line, forgetting in pairs)
        found = Course(at, self._noise(seconds, value), self.points + 1, lines)
        return found if found.is_sane() else begun(at, value)

    def _noise(self, seconds: float, value: float) -> float:
        """The first point that can surprise says how much; later ones move the median."""
        if self.points < 2:
            return 0.0
        level, slope = self.lines[0].now()
        noise = surprise = abs(value - level - slope * seconds)
        if self.points > 2:
            noise = self.noise * exp(HASTE if surprise > self.noise else -HASTE)
        return max(noise, LEAST_NOISE * abs(value))

    def is_sane(self) -> bool:
        """Whether all of it can be reckoned with."""
        sums = [self.at, self.noise, *(sum(line) + sum(line.now()) for line in self.lines)]
        return all(map(isfinite, sums))

    def trend(self, value: float) -> Trend:
        """Along the longest line that no shorter one contradicts; `value` is the last point's."""
        noise = self.noise / NORMAL
        found = Trend(value, 0.0, noise, 0.0)
        low, high = value - DOUBT * noise, value + DOUBT * noise
        for line in self.lines:
            level, slope = line.now()
            if not low <= level <= high:
                break
            error, slope_error = line.errors()
            found = Trend(level, slope, noise * error, noise * slope_error)
            low = max(low, level - DOUBT * found.level_error)
            high = min(high, level + DOUBT * found.level_error)
        return found


def begun(at: float, value: float) -> Course:
    """A metric that is seen for the first time."""
    return Course(at, 0.0, 1, (Line().after(0.0, value, 1.0),) * len(FORGETTING))


def follow(memory: Any, at: float, value: float, now: float) -> tuple[list[Any], Trend]:
    """What to remember, and the trend; the same measurement counts once."""
    known = _read(memory)
    if known is None or known.at > now + AHEAD:
        known = begun(at, value)
    elif at > known.at:
        known = known.after(at, value)
    lines = [list(line) for line in known.lines]
    return [known.at, known.noise, known.points, lines], known.trend(value)


def newest(memory: Any) -> float | None:
    """When the last point was measured that is remembered; None without one."""
    known = _read(memory)
    return None if known is None else known.at


def _read(memory: Any) -> Course | None:
    """What `follow` remembered; None where it cannot be read."""
    try:
        at, noise, points, found = memory
        lines = tuple(Line(*map(float, line)) for line in found)
        course = Course(float(at), float(noise), int(points), lines)
        sound = len(lines) == len(FORGETTING) and all(line.weight >= 1.0 for line in lines)
        return course if sound and course.is_sane() else None
    except (TypeError, ValueError, ArithmeticError):
        return None
