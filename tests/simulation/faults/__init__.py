"""What can go wrong, each a thing that begins and ends.

A fault touches the world and its public fakes only, never what is inside of the product; all
chance comes from `world.rng`. After `end` nothing of it is left. `fault.py` says how one is
written down; the others hold those that there are, by what they happen to.
"""

from __future__ import annotations

from tests.simulation.faults import (
    alerts,
    cluster,
    engine,
    events,
    metrics,
    people,
    process,
    store,
    time,
)
from tests.simulation.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *engine.FAULTS,
    *events.FAULTS,
    *cluster.FAULTS,
    *metrics.FAULTS,
    *alerts.FAULTS,
    *process.FAULTS,
    *store.FAULTS,
    *people.FAULTS,
    *time.FAULTS,
)
"""Those that plans draw from."""
