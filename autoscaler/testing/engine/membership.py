"""Which nodes are heard of, and who leads: what the managers know of their members.

A node that falls silent is `down` after three heartbeats, and its tasks are orphaned after a day.
A new leader knows of no node: each is `unknown` until it reports, for six heartbeats at most.
"""

from __future__ import annotations

from typing import Any

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import ENDED, EngineNode

_SECOND = 10**9
_GRACE = (13.5, 16.5)
"""Seconds from the last heartbeat to `down`."""
_GRACE_OF_UNKNOWN = (27.0, 33.0)
_RETURN = (0.5, 5.0)
"""Seconds until a node that can reach a leader again has reported to it."""
_ORPHANED_AFTER = 24 * 3600 * _SECOND


def fall_silent(cluster: Cluster, node: EngineNode) -> None:
    """Its heartbeats are not heard any more; its containers run on."""
    node.silent = True
    _expect(cluster, node, _GRACE)


def come_back(cluster: Cluster, node: EngineNode) -> None:
    """Its heartbeats are heard again, soon."""
    node.silent = False
    _expect(cluster, node, _RETURN)


def change_leader(cluster: Cluster) -> None:
    """Another manager leads: it knows of no node, and not how often tasks were restarted."""
    cluster.restarts.clear()
    for service in cluster.services.values():
        service.updater, service.reconciled = None, 0
    for node in cluster.nodes.values():
        if node.state != "down":
            say(cluster, node, "unknown")
            _expect(cluster, node, _GRACE_OF_UNKNOWN if node.silent else _RETURN)


def watch(cluster: Cluster) -> None:
    """What has become of nodes by now."""
    for node in cluster.nodes.values():
        if node.judged_at and cluster.clock >= node.judged_at:
            node.judged_at = 0
            say(cluster, node, "down" if node.silent else "ready")
        if node.state == "down" and cluster.clock >= node.down_at + _ORPHANED_AFTER:
            _orphan(cluster, node)


def say(cluster: Cluster, node: EngineNode, state: str) -> None:
    """Write what is known of a node, and tell of it."""
    if node.state != state:
        change(cluster, node, state=state)


def change(cluster: Cluster, node: EngineNode, **fields: Any) -> None:
    """Whatever is changed about a node is written and told."""
    told = {"name": node.hostname}
    for name in ("state", "availability"):
        if name in fields and fields[name] != getattr(node, name):
            told |= {f"{name}.old": getattr(node, name), f"{name}.new": fields[name]}
    if told.get("state.new") == "down":
        node.down_at = cluster.clock
        cluster.wake("", node.down_at + _ORPHANED_AFTER)
    for name, value in fields.items():
        setattr(node, name, value)
    cluster.touch(node)
    cluster.journal.tell("node", "update", node.id, told, swarm=True)


def _expect(cluster: Cluster, node: EngineNode, within: tuple[float, float]) -> None:
    node.judged_at = cluster.clock + int(cluster.random.uniform(*within) * _SECOND)
    cluster.wake("", node.judged_at)


def _orphan(cluster: Cluster, node: EngineNode) -> None:
    for task in list(cluster.tasks.values()):
        if task.node_id == node.id and task.state not in ENDED:
            cluster.set_state(task, "orphaned", "task orphaned")
