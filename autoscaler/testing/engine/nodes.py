"""What clients do to nodes."""

from __future__ import annotations

from typing import Any

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.membership import change
from autoscaler.testing.engine.objects import EngineNode
from autoscaler.testing.engine.refusal import Refusal, rpc


def find(cluster: Cluster, term: str) -> EngineNode:
    """A node by id, else by hostname. Raises Refusal."""
    named = (node for node in cluster.nodes.values() if node.hostname == term)
    found = cluster.nodes.get(term) or next(named, None)
    if found is None:
        raise Refusal(404, f"node {term} not found")
    return found


def update(cluster: Cluster, node: EngineNode, spec: Any, version: str) -> None:
    """Another availability, or other labels, if the version is right. Raises Refusal."""
    if version != str(node.index):
        raise rpc(500, "Unknown", "update out of sequence")
    labels = spec.get("Labels") or {}
    change(cluster, node, availability=spec.get("Availability", "active"), labels=labels)
