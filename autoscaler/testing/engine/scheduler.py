"""Finds nodes for tasks, or says why there is none."""

from __future__ import annotations

from collections import Counter

from autoscaler.testing.engine.addresses import Addresses
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import ENDED, Document, EngineNode, EngineTask

_CPUS, _MEMORY = "NanoCPUs", "MemoryBytes"


def place(cluster: Cluster) -> None:
    """One step: give new tasks addresses, and pending ones nodes."""
    if not cluster.waiting:
        return
    addresses, ledger = Addresses(cluster), _Ledger(cluster)
    for task in list(cluster.waiting.values()):
        if not task.alive:
            continue
        if task.state == "new" and addresses.take(task):
            cluster.set_state(task, "pending", "pending task scheduling")
        elif task.state == "pending":
            _assign(cluster, ledger, task)


def may_run(node: EngineNode, template: Document) -> bool:
    """Whether a node is ready, active and meets the placement constraints."""
    return _available(node) and meets(node, template)


def meets(node: EngineNode, template: Document) -> bool:
    """Whether a node meets the placement constraints."""
    constraints = (template.get("Placement") or {}).get("Constraints") or []
    return all(_meets(node, each) for each in constraints)


class _Ledger:
    """What each node carries, kept while tasks are placed."""

    def __init__(self, cluster: Cluster) -> None:
        self._total: Counter[str] = Counter()
        self._own: Counter[tuple[str, str]] = Counter()
        self._reserved: Counter[tuple[str, str]] = Counter()
        for task in cluster.tasks.values():
            if task.node_id and task.state not in ENDED:
                self.book(task)

    def book(self, task: EngineTask) -> None:
        """The task is on its node now."""
        self._total[task.node_id] += 1
        self._own[task.service_id, task.node_id] += 1
        for name in (_CPUS, _MEMORY):
            self._reserved[task.node_id, name] += _reservation(task.spec, name)

    def has_room(self, node: EngineNode, template: Document) -> bool:
        """Whether the node's resources cover one more task."""
        offers = {_CPUS: node.nano_cpus, _MEMORY: node.memory}
        return all(
            self._reserved[node.id, name] + _reservation(template, name) <= offer
            for name, offer in offers.items()
        )

    def least_loaded(self, nodes: list[EngineNode], service_id: str) -> EngineNode:
        """The node with the fewest tasks of the service, then of all."""
        return min(
            nodes, key=lambda node: (self._own[service_id, node.id], self._total[node.id], node.id)
        )


def _assign(cluster: Cluster, ledger: _Ledger, task: EngineTask) -> None:
    nodes = [node for node in cluster.nodes.values() if task.node_id in ("", node.id)]
    ready = [node for node in nodes if _available(node)]
    fitting = [node for node in ready if may_run(node, task.spec)]
    roomy = [node for node in fitting if ledger.has_room(node, task.spec)]
    if roomy:
        task.node_id = ledger.least_loaded(roomy, task.service_id).id
        ledger.book(task)
        cluster.set_state(task, "assigned", "scheduler assigned task to node")
        return
    error = _why_none(nodes, ready, fitting)
    if task.error != error:
        cluster.set_state(task, "pending", "pending task scheduling", error)


def _available(node: EngineNode) -> bool:
    return node.state == "ready" and node.availability == "active"


def _why_none(nodes: list[EngineNode], ready: list[EngineNode], fitting: list[EngineNode]) -> str:
    """Each node is counted by the first thing that speaks against it; the most frequent first."""
    reasons = {
        "{} not available for new tasks": len(nodes) - len(ready),
        "scheduling constraints not satisfied on {}": len(ready) - len(fitting),
        "insufficient resources on {}": len(fitting),
    }
    found = sorted(((count, text) for text, count in reasons.items() if count), reverse=True)
    told = "; ".join(text.format(_nodes(count)) for count, text in found)
    return f"no suitable node ({told})" if told else "no suitable node"


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _reservation(template: Document, name: str) -> int:
    reservations = (template.get("Resources") or {}).get("Reservations") or {}
    return int(reservations.get(name) or 0)


def _meets(node: EngineNode, constraint: str) -> bool:
    negated = "!=" in constraint
    key, _, value = (part.strip() for part in constraint.partition("!=" if negated else "=="))
    found = {"node.id": node.id, "node.hostname": node.hostname, "node.role": node.role}.get(key)
    if key.startswith("node.labels."):
        found = node.labels.get(key.removeprefix("node.labels."), "")
    return (found == value) is not negated
