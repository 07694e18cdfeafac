"""Forecasts that compete: each is compared with what came, and the better ones count more.

Noise makes every forecast worse by the same, so it does not change which one is best: without
noise that is the quickest, with much of it the calmest, with nothing to be set.
Source: Cesa-Bianchi and Lugosi, Prediction, Learning, and Games (2006), chapter 2, the
exponentially weighted average; here of relative losses that are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp
from operator import mul
from typing import Any, NamedTuple, Self

FORGETTING = 600.0
"""Seconds after which an error counts 1/e."""
SHARPNESS = 10.0
"""A forecast whose squared error is a tenth above the best one's counts 1/e as much."""
EACH = 4
"""So many forecasts are made in the time that one looks ahead."""


class Rivals(NamedTuple):
    """How wrong forecasts were, and those whose time has not come."""

    losses: tuple[float, ...]
    """The sum of each one's squared errors, by weight,"""
    short: float = 0.0
    """of the squares of what their average was too low by,"""
    weight: float = 0.0
    """and of these weights."""
    pending: tuple[tuple[float, ...], ...] = ()
    """When they are due, their average, and what each said."""

    def after(self, at: float, seconds: float, value: float) -> Rivals:
        """With what came, so many seconds after the last time."""
        due = [each for each in self.pending if each[0] <= at]
        kept = exp(-seconds / FORGETTING)
        found = Rivals(
            tuple([kept * loss for loss in self.losses]),
            kept * self.short,
            kept * self.weight,
            self.pending[len(due) :],
        )
        for when, average, *said in due:
            if at <= when + FORGETTING:
                found = found._compared(average, said, value)
        return found

    def _compared(self, average: float, said: Sequence[float], value: float) -> Rivals:
        short = max(0.0, value - average)
        pairs = zip(self.losses, said, strict=True)
        return Rivals(
            tuple([loss + (value - each) * (value - each) for loss, each in pairs]),
            self.short + short * short,
            self.weight + 1.0,
            self.pending,
        )

    def saying(self, at: float, horizon: float, said: Sequence[float]) -> Rivals:
        """With what each says of `horizon` seconds later, unless it was asked just now."""
        due = at + horizon
        if self.pending and due - self.pending[-1][0] < horizon / EACH - 1e-6:
            return self
        average = self.average(said)
        return self._replace(pending=(*self.pending, (due, average, *said))[-EACH - 1 :])

    def average(self, said: Iterable[float]) -> float:
        """Of what each says, by how well it did; what the first says until that is known."""
        if not self.weight:
            return next(iter(said))
        best = min(self.losses)
        unit = max(best, 1e-9 * max(self.losses)) or 1.0
        shares = [exp(-SHARPNESS * (loss - best) / unit) for loss in self.losses]
        total: float = sum(map(mul, shares, said))
        return total / sum(shares)

    @property
    def variance(self) -> float:
        """The mean square of what their average was too low by, as if it were as often too high.

        No more than that of the best, of which the average falls short only for a while.
        """
        return min(2.0 * self.short, *self.losses) / self.weight if self.weight else 0.0

    def stored(self) -> list[Any]:
        """As a memory."""
        pending = [list(each) for each in self.pending]
        return [list(self.losses), self.short, self.weight, pending]

    @classmethod
    def read(cls, memory: Any, count: int) -> Self:
        """What was stored of so many forecasts. Raises TypeError and ValueError."""
        losses, short, weight, pending = memory
        open_ = tuple(_numbers(each) for each in pending)[-EACH - 1 :]
        found = cls(_numbers(losses), float(short), float(weight), open_)
        sizes = {len(found.losses), *(len(each) - 2 for each in open_)}
        if sizes != {count} or min(found.short, found.weight, *found.losses) < 0.0:
            raise ValueError("not these forecasts")
        return found

    def total(self) -> float:
        """Of all its numbers: finite if all of them are."""
        return sum(self.losses) + self.short + self.weight + sum([sum(p) for p in self.pending])


def _numbers(memory: Iterable[Any]) -> tuple[float, ...]:
    return tuple(map(float, memory))
