"""Gives out the addresses of networks: a task without one stays new, and says nothing of it.

A real engine may give all of them to tasks before their node has one for its load balancer,
and then none of those tasks can start. The model keeps the node's address back.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import ENDED, EngineTask

_RESERVED = 3
"""The network, the gateway and the broadcast address."""


class Addresses:
    """What each network has given to tasks and to the nodes that they run on."""

    def __init__(self, cluster: Cluster) -> None:
        self._networks = cluster.networks
        self._taken: Counter[str] = Counter()
        self._nodes: dict[str, set[str]] = {key: set() for key in cluster.networks}
        for task in cluster.tasks.values() if cluster.networks else ():
            if task.state != "new" and task.state not in ENDED:
                self._book(task)

    def take(self, task: EngineTask) -> bool:
        """One address in each of the task's networks, if all have one left."""
        joined = self._joined(task)
        if any(self._taken[key] >= self._size(key) for key in joined):
            return False
        self._book(task)
        return True

    def _book(self, task: EngineTask) -> None:
        for key in self._joined(task):
            self._taken[key] += 1
            if task.node_id:
                self._nodes[key].add(task.node_id)

    def _size(self, key: str) -> int:
        pool = ip_network(self._networks[key].subnet).num_addresses
        return pool - _RESERVED - max(1, len(self._nodes[key]))

    def _joined(self, task: EngineTask) -> list[str]:
        named = (each["Target"] for each in task.spec.get("Networks") or [])
        return [key for key in named if key in self._networks]
