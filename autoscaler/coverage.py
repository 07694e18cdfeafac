"""Which nodes have an agent, and what is not seen of those that have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoscaler.hub import Hub
from autoscaler.model import Node, NodeState

MOST_NAMED = 5
UNSEEN = "container exits, memory kills and health at once, CPU and memory, single tasks replaced"


def coverage(hub: Hub, nodes: Mapping[str, Node], now: float) -> dict[str, Any]:
    """Each node that is ready, with what its agent last said; as `/agents` shows it."""
    ready = [node for node in nodes.values() if node.state is NodeState.READY]
    shown = [_shown(hub, node, now) for node in sorted(ready, key=lambda each: each.hostname)]
    return {"nodes": shown, "told": told(shown)}


def _shown(hub: Hub, node: Node, now: float) -> dict[str, Any]:
    said = hub.said(node.id)
    return {
        "id": node.id,
        "hostname": node.hostname,
        "agent": node.id in hub.talking(),
        "replaces": node.id in hub.stoppers(),
        "heard_ago": None if said is None else round(max(0.0, now - said.heard), 1),
    }


def told(nodes: Sequence[Mapping[str, Any]]) -> str:
    """One line for people."""
    blind = [str(node["hostname"]) for node in nodes if not node["agent"]]
    if not nodes:
        return "no node has been seen yet"
    if not blind:
        return "every node has an agent"
    named = ", ".join(blind[:MOST_NAMED]) + (", ..." if len(blind) > MOST_NAMED else "")
    have = f"{len(nodes) - len(blind)} of {len(nodes)} nodes have an agent"
    return f"{have}; not seen on {named}: {UNSEEN}"
