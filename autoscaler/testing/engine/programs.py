"""What containers do, and how long they take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What containers of an image do."""

    RUNS = "runs"
    FAILS = "fails"
    """Starts, and exits with 1."""
    EXITS = "exits"
    """Starts, and exits with 0."""
    MISSING = "missing"
    """Cannot be pulled."""
    UNHEALTHY = "unhealthy"
    """Starts, and is found unhealthy: its engine stops it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A behaviour, and when it shows."""

    behaviour: Behaviour
    after: float = 0.0
    """Seconds that it runs before it fails, exits or is found unhealthy."""


Span = tuple[float, float]
"""The least and the most seconds; each time something in between."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long containers take; no time at all unless stated."""

    pull: Span = (0.0, 0.0)
    """From `preparing` to `ready`."""
    start: Span = (0.0, 0.0)
    """From `starting` to `running`."""
    stop: Span = (0.0, 0.0)
    """From being told to stop to `shutdown`."""
