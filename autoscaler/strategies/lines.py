"""A line through the points of a metric, by least squares that forget."""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple


class Line(NamedTuple):
    """Sums over points by weight: ages are negative seconds, the newest point's is 0."""

    weight: float = 0.0
    age: float = 0.0
    age_squared: float = 0.0
    value: float = 0.0
    age_value: float = 0.0

    def after(self, seconds: float, value: float, forgetting: float) -> Line:
        """The line with one more point; each counts 1/e after so many seconds."""
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

    @property
    def mean(self) -> float:
        """The mean of its points."""
        return self.value / self.weight

    @property
    def mean_error(self) -> float:
        """The mean's standard error, in units of the noise of a point.

        That of exponential weights at even distances.
        """
        return 1.0 / sqrt(2.0 * self.weight - 1.0)
