"""Nodes as one service sees them."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import (
    Fleet,
    Host,
    Node,
    NodeState,
    Resources,
    Service,
    Task,
    TaskState,
)
from autoscaler.placement import Placement

SERVICE = Service(
    id="web",
    name="web",
    version=1,
    replicas=1,
    constraints=("node.labels.disk == ssd",),
    max_per_node=2,
    reservations=Resources(memory_bytes=400),
)
GOOD: dict[str, Any] = {
    "id": "a",
    "hostname": "anna",
    "labels": {"disk": "ssd"},
    "resources": Resources(memory_bytes=1000),
}


def host(tasks: int = 0, **changes: Any) -> Host:
    """The only node of a fleet, with so many tasks of the service."""
    node = Node(**{**GOOD, **changes})
    placed = tuple(
        Task(
            id=f"t{n}",
            service_id="web",
            node_id=node.id,
            state=TaskState.RUNNING,
            desired=TaskState.RUNNING,
        )
        for n in range(tasks)
    )
    fleet = Fleet(at=0.0, services={"web": SERVICE}, tasks={"web": placed}, nodes={node.id: node})
    return Placement(fleet).hosts(SERVICE)[node.id]


def test_a_node_that_takes_its_tasks_is_eligible() -> None:
    assert host() == Host(name="anna")
    assert host(tasks=1) == Host(name="anna")
    assert host(hostname="").name == "a"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": NodeState.DOWN},
        {"state": NodeState.UNKNOWN},
        {"availability": "drain"},
        {"availability": "pause"},
        {"labels": {}},
    ],
)
def test_one_that_is_away_closed_or_excluded_is_not(changes: dict[str, Any]) -> None:
    found = host(**changes)
    assert not found.eligible
    assert found.state is changes.get("state", NodeState.READY)


def test_one_without_room_is_full() -> None:
    assert host(tasks=2).full
    assert host(resources=Resources(memory_bytes=300)).full
    assert host(resources=Resources(memory_bytes=300)).eligible
