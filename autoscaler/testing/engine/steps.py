"""Moves the whole cluster one step on: what is at rest costs nothing."""

from __future__ import annotations

from autoscaler.testing.engine import lifecycle, membership, scheduler, slots, updater
from autoscaler.testing.engine.cluster import Cluster

_STEPS = 500
"""A crash loop without delay never comes to rest."""


def advance(cluster: Cluster) -> bool:
    """One step of the services that something happens to; whether anything changed."""
    moving = cluster.take_restless()
    if not moving:
        return False
    before = cluster.index
    membership.watch(cluster)
    for service_id in moving:
        service = cluster.services.get(service_id)
        if service is not None:
            updater.roll(cluster, service)
            slots.fill(cluster, service)
    for service_id in moving:
        slots.reap(cluster, service_id)
    scheduler.place(cluster)
    for service_id in moving:
        lifecycle.run(cluster, service_id)
    return cluster.index != before or bool(cluster.restless)


def settle(cluster: Cluster) -> None:
    """Steps until nothing changes while the clock stands still."""
    for _ in range(_STEPS):
        if not advance(cluster):
            return
