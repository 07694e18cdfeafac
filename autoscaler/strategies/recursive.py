"""Recursive least squares: weights that are learned from one example at a time, and forget.

Source: Haykin, Adaptive Filter Theory, the exponentially weighted algorithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

KEPT = 0.995
"""The share of what was learned that is left after another example."""
DOUBT = 0.1
"""How uncertain each weight is at first."""
TOO_UNCERTAIN = 1e4
"""A weight that is more uncertain than this has not been needed for long: all begins anew."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each input counts, and the covariance of that."""

    weights: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    @classmethod
    def begun(cls, weights: Iterable[float]) -> Self:
        """Weights that nothing has confirmed yet."""
        known = tuple(weights)
        rows = tuple(
            tuple(DOUBT if row == column else 0.0 for column in range(len(known)))
            for row in range(len(known))
        )
        return cls(known, rows)

    def output(self, inputs: Sequence[float]) -> float:
        """What follows from inputs."""
        return _product(self.weights, inputs)

    def learned(self, inputs: Sequence[float], error: float) -> Self | None:
        """After an output that was too low by `error`; None where the covariance has blown up."""
        seen = [_product(row, inputs) for row in self.covariance]
        spread = KEPT + _product(seen, inputs)
        weights = tuple(w + s / spread * error for w, s in zip(self.weights, seen, strict=True))
        covariance = tuple(
            tuple((p - s * other / spread) / KEPT for p, other in zip(row, seen, strict=True))
            for row, s in zip(self.covariance, seen, strict=True)
        )
        found = type(self)(weights, covariance)
        return found if found.is_sound() else None

    def is_sound(self) -> bool:
        """Whether its numbers are finite, and its uncertainties possible and not too large."""
        numbers = [*self.weights, *(number for row in self.covariance for number in row)]
        diagonal = [row[place] for place, row in enumerate(self.covariance)]
        return all(map(isfinite, numbers)) and all(0.0 <= d <= TOO_UNCERTAIN for d in diagonal)

    def stored(self) -> list[Any]:
        """As a memory."""
        return [list(self.weights), [list(row) for row in self.covariance]]

    @classmethod
    def read(cls, memory: Any, count: int) -> Self:
        """What was stored, for so many inputs. Raises TypeError and ValueError."""
        weights, covariance = memory
        rows = tuple(tuple(map(float, row)) for row in covariance)
        found = cls(tuple(map(float, weights)), rows)
        shape = {len(found.weights), len(rows), *map(len, rows)}
        if shape != {count} or not found.is_sound():
            raise ValueError("not the weights of these inputs")
        return found


def _product(some: Sequence[float], others: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(some, others, strict=True))
