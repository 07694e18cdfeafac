"""How passes get on: when the last one was made and stored, and what fails since."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.settings import Settings
from autoscaler.telemetry import Telemetry
from autoscaler.view import View


@dataclass(frozen=True, slots=True)
class Failing:
    """Passes that fail, one after the other."""

    since: float
    """When the first of them failed, in Unix seconds."""
    reason: str
    """Why the last one did."""
    blind: bool
    """Whether the cluster cannot be seen; otherwise what was seen cannot be stored, or decided."""


@dataclass(frozen=True, slots=True)
class Passing:
    """The last pass, and the failures since."""

    passed_at: float | None
    """In Unix seconds; None before the first."""
    late_after: float
    """Seconds without a pass that are too many."""
    failing: Failing | None = None


def late_after(settings: Settings) -> float:
    """Seconds without a look or a pass that are too many."""
    return 3 * settings.interval + settings.deadlines.observe


def passing(view: View, telemetry: Telemetry, late: float) -> Passing:
    """How the passes of this process get on."""
    run = telemetry.failing("cycle")
    if run is None:
        return Passing(view.passed, late)
    seen_since = view.at is not None and (view.passed is None or view.at > view.passed)
    return Passing(view.passed, late, Failing(run.since, run.last, not seen_since))
