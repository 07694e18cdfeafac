"""A straight line through points, by ordinary least squares."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

Points = list[list[float]]
"""Pairs of a time and a value, as JSON has them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and how well it fits."""

    start: float
    """A time on it, in seconds."""
    value: float
    """Its value then."""
    slope: float
    """Its growth per second."""
    fit: float
    """The share of the points' scatter that it explains (R squared), from 0 to 1."""

    def at(self, time: float) -> float:
        """Its value at a time."""
        return self.value + self.slope * (time - self.start)

    def reaches(self, value: float) -> float:
        """When it has a value. Raises ZeroDivisionError for a level line."""
        return self.start + (value - self.value) / self.slope


def fitted(points: Points) -> Line:
    """The line through two points or more, which may not all be of one time.

    Raises ZeroDivisionError for points of one time.
    """
    time, value = fmean(at for at, _ in points), fmean(number for _, number in points)
    across = sum((at - time) * (at - time) for at, _ in points)
    along = sum((number - value) * (number - value) for _, number in points)
    both = sum((at - time) * (number - value) for at, number in points)
    fit = both / across * both / along if along else 0.0
    return Line(time, value, both / across, fit)
