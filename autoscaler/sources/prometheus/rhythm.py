"""When the next samples behind a query will be there. Pure.

A scrape stamps its samples with the moment at which it began, and begins again after a fixed
time. An aggregate is as old as its oldest part, which is also the part that comes next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

LAGS = (0.1, 0.4, 1.2, 3.0)
"""Seconds after a scrape begins at which its samples may be there; past the last one it is late."""
SHORTEST, LONGEST = 0.5, 300.0
"""Seconds between two samples that are believed."""

Key = TypeVar("Key")


def interval(measured: Mapping[Key, float], before: Mapping[Key, float]) -> float | None:
    """Seconds between two samples, or None where that cannot be told.

    By series: when it was measured, as told now and as told for the moment just before the oldest
    of these was measured. Of the series that was the oldest the two are a scrape apart; others
    may be further apart.
    """
    steps = (at - before[key] for key, at in measured.items() if key in before)
    found = min((step for step in steps if step > 0), default=0.0)
    return found if SHORTEST <= found <= LONGEST else None


def next_due(measured: Iterable[float], every: float, after: float) -> float | None:
    """When to ask next, of all that was measured; None when everything is long overdue.

    All times are of one clock, the server's.
    """
    moments = (at + every + lag for at in measured for lag in LAGS)
    return min((moment for moment in moments if moment > after), default=None)
