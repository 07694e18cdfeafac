"""What `unhealthy_stuck` finds: tasks that neither run nor end."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.healing.unhealthy_stuck import UnhealthyStuck
from autoscaler.model import Health, Task, TaskState
from autoscaler.testing.builders import NOW, a_task, some_tasks
from autoscaler.testing.checkups import found

RULE = UnhealthyStuck.model_validate({"grace": "2m"})


def waiting(state: TaskState, ago: float = 121.0, **more: Any) -> Task:
    return a_task(9, state, since=NOW - ago, **more)


@pytest.mark.parametrize(
    "state", [TaskState.ASSIGNED, TaskState.PREPARING, TaskState.READY, TaskState.STARTING]
)
def test_a_task_that_stays_on_its_way_is_stuck(state: TaskState) -> None:
    finding = found(RULE, *some_tasks(2), waiting(state))
    assert finding is not None
    assert finding.state is Health.STUCK
    assert finding.tasks == ("task-9",)
    assert finding.reason == f"tasks do not come to run within 120 s: 1 in {state}"


@pytest.mark.parametrize(
    "task",
    [
        waiting(TaskState.STARTING, ago=120.0),
        waiting(TaskState.RUNNING),
        waiting(TaskState.STARTING, node_ready=False),
        waiting(TaskState.READY, desired=TaskState.READY),
        waiting(TaskState.STARTING, desired=TaskState.SHUTDOWN),
        waiting(TaskState.FAILED),
        waiting(TaskState.PENDING, error="no suitable node (1 node)"),
        waiting(TaskState.PREPARING, error="No such image: web:2"),
    ],
    ids=[
        "not for long",
        "runs",
        "its node is lost",
        "waits for its restart delay",
        "was told to end",
        "ended: Swarm replaces it",
        "has no node",
        "has no image",
    ],
)
def test_what_is_none_of_its_business(task: Task) -> None:
    assert found(RULE, *some_tasks(2), task) is None


def test_a_new_attempt_has_its_own_time() -> None:
    replaced = a_task(1, TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 500)
    assert found(RULE, replaced, waiting(TaskState.STARTING, ago=60.0)) is None
