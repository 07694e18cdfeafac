"""The bounds of a pass: the policy's own, or those of the schedules that are open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.policy import Scale, Schedule


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the service may have, and who says so."""

    min: int
    max: int
    min_by: str = "min"
    max_by: str = "max"

    def clamp(self, replicas: int) -> int:
        """The nearest number within."""
        return min(max(replicas, self.min), self.max)

    def hold(self, replicas: int) -> bool:
        """Whether a number lies within."""
        return self.min <= replicas <= self.max


def in_force(scale: Scale, windows: tuple[str, ...]) -> Bounds:
    """The bounds while these schedules are open; of several, the one that gives most."""
    if not windows:
        return Bounds(scale.min, scale.max)
    opened = opened_schedules(scale, windows)
    low = [(s.min, f"min of {s.name!r}") for s in opened if s.min is not None]
    high = [(s.max, f"max of {s.name!r}") for s in opened if s.max is not None]
    lowest, low_by = max(low, default=(scale.min, "min"))
    highest, high_by = max(high, default=(scale.max, "max"))
    # Two schedules together may cross each other, though each is in order: capacity wins.
    return Bounds(lowest, max(highest, lowest), low_by, high_by)


def may_be_zero(scale: Scale, windows: tuple[str, ...]) -> bool:
    """Whether zero replicas are within the bounds."""
    return in_force(scale, windows).min == 0


def opened_schedules(scale: Scale, windows: tuple[str, ...]) -> list[Schedule]:
    """The schedules of these names."""
    return [schedule for schedule in scale.schedules if schedule.name in windows]


def freezing(scale: Scale, windows: tuple[str, ...], direction: str) -> Iterable[Schedule]:
    """The open schedules that forbid a direction, "up" or "down"."""
    frozen = ("both", direction)
    return (s for s in opened_schedules(scale, windows) if s.freeze in frozen)
