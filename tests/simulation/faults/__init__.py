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

TOPICS = (engine, events, cluster, metrics, alerts, process, store, people, time)
"""By what they happen to. Plans are drawn in this order: another one makes all seeds others."""
FAULTS: tuple[Fault, ...] = tuple(fault for topic in TOPICS for fault in topic.FAULTS)
"""Those that plans draw from."""
