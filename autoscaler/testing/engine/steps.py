"""Moves the whole cluster one step on."""

from __future__ import annotations

from autoscaler.testing.engine import lifecycle, scheduler, slots, updater
from autoscaler.testing.engine.cluster import Cluster

_STEPS = 500
"""A crash loop without delay never comes to rest."""


def advance(cluster: Cluster) -> bool:
    """One step; whether anything changed."""
    before = cluster.index
    for service in list(cluster.services.values()):
        updater.roll(cluster, service)
        slots.fill(cluster, service)
    slots.reap(cluster)
    scheduler.place(cluster)
    lifecycle.run(cluster)
    return cluster.index != before


def settle(cluster: Cluster) -> None:
    """Steps until nothing changes while the clock stands still."""
    for _ in range(_STEPS):
        if not advance(cluster):
            return
