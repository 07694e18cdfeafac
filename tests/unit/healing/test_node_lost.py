"""What `node_lost` tells: which node is down, and what became of its tasks."""

from __future__ import annotations

import pytest

from autoscaler.healing.node_lost import NodeLost
from autoscaler.model import Health, Host, NodeState, Task, TaskState
from autoscaler.testing.builders import a_task
from autoscaler.testing.checkups import found

LOST = a_task(1, node_id="n1", node_ready=False, desired=TaskState.SHUTDOWN)
MOVED = a_task(3, slot=1, node_id="n2")
OTHER = a_task(2, node_id="n2")


def hosts(first: NodeState, second: NodeState = NodeState.READY) -> dict[str, Host]:
    return {"n1": Host(name="eins", state=first), "n2": Host(name="zwei", state=second)}


@pytest.mark.parametrize(
    ("tasks", "elsewhere"),
    [((LOST, OTHER), 0), ((LOST, MOVED, OTHER), 1)],
    ids=["not yet replaced", "replaced"],
)
def test_a_node_that_is_down_is_named(tasks: tuple[Task, ...], elsewhere: int) -> None:
    finding = found(NodeLost(), *tasks, hosts=hosts(NodeState.DOWN))
    assert finding is not None
    assert finding.state is Health.HEALTHY
    assert finding.tasks == ("task-1",)
    told = f"eins: down, with 1 tasks; {elsewhere} of them run elsewhere"
    assert finding.reason == told


@pytest.mark.parametrize(
    "nodes",
    [
        hosts(NodeState.READY),
        hosts(NodeState.UNKNOWN),
        hosts(NodeState.DOWN, NodeState.UNKNOWN),
        {},
        None,
    ],
    ids=["back", "unknown", "another one unknown", "no nodes listed", "nobody looked"],
)
def test_what_is_not_known_to_be_lost_is_not_told(nodes: dict[str, Host] | None) -> None:
    assert found(NodeLost(), LOST, OTHER, hosts=nodes) is None


def test_a_node_without_tasks_of_the_service_is_not_its_affair() -> None:
    ended = a_task(1, TaskState.ORPHANED, node_id="n1", node_ready=False)
    assert found(NodeLost(), ended, OTHER, hosts=hosts(NodeState.DOWN)) is None
