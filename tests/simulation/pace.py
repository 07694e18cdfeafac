"""How large the clusters of plans are, and how much happens to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """What is drawn from: of several values one, the share of a whole by chance."""

    intervals: tuple[float, ...]
    """Seconds between two passes."""
    services: tuple[int, ...]
    hours: tuple[float, ...]
    periods: tuple[float, ...]
    """Seconds in which a load comes round."""
    scrapes: tuple[float, ...]
    """Seconds between two scrapes."""
    ageing: float
    """The share of services the tasks of which are replaced once they are old."""
    restless: float = 1.0
    """The share of hours in which people and faults are at work."""
    mended: tuple[float, float] | None = None
    """The fewest and the most seconds after which a person mends a release that cannot run."""


DENSE = Pace(
    intervals=(15.0, 20.0, 30.0, 30.0, 45.0, 60.0, 60.0, 60.0),
    services=(1, 1, 2, 2, 3, 3, 4, 5, 6, 8),
    hours=(0.5, 1.0, 1.5, 2.0),
    periods=(600.0, 1200.0, 3600.0),
    scrapes=(15.0, 20.0, 30.0, 60.0),
    ageing=0.3,
)
"""Something goes wrong all the time."""
LONG = Pace(
    intervals=(15.0, 30.0, 45.0, 60.0, 60.0, 60.0, 60.0, 60.0),
    services=(1, 1, 1, 2, 2, 2, 3, 3, 4, 6),
    hours=(6.0, 8.0, 10.0, 12.0),
    periods=(600.0, 3600.0, 7200.0, 14400.0, 86400.0),
    scrapes=(15.0, 30.0, 30.0, 60.0, 60.0, 60.0),
    ageing=0.15,
    restless=0.35,
    mended=(300.0, 1500.0),
)
"""Half a day of smaller clusters, with quiet hours: what shows only after a while."""
