"""What `max_age` finds: tasks that are older than they may be."""

from __future__ import annotations

import pytest

from autoscaler.decide import decide
from autoscaler.healing.max_age import MaxAge
from autoscaler.model import Health, Memory, Task, TaskState
from autoscaler.testing.builders import NOW, a_healer, a_service, a_task, observe
from autoscaler.testing.checkups import found

DAY = MaxAge.model_validate({"older_than": "24h"})


def aged(number: int, hours: float, state: TaskState = TaskState.RUNNING) -> Task:
    return a_task(number, state, created_at=NOW - 3600.0 * hours)


def test_tasks_that_are_older_than_they_may_be_are_found_oldest_first() -> None:
    finding = found(DAY, aged(1, 25.0), aged(2, 3.0), aged(3, 30.0))
    assert finding is not None
    assert finding.tasks == ("task-3", "task-1")
    assert finding.reason == "2 of 3 tasks are older than 24h, one is 30h old"


@pytest.mark.parametrize(
    "task",
    [aged(1, 24.0), aged(1, 99.0, TaskState.FAILED), a_task(1, created_at=0.0)],
    ids=["just as old", "ended", "of an age that is not known"],
)
def test_others_are_not(task: Task) -> None:
    assert found(DAY, task, aged(2, 1.0)) is None


def test_an_old_service_is_restarted_and_healthy_all_the_while() -> None:
    policy = a_healer({"rule": "max_age", "older_than": "24h", "then": "restart"})
    seen = observe(a_service(1), tasks=(aged(1, 25.0),))
    memory, decision = decide(policy, seen, Memory())
    assert decision.action is not None
    assert decision.health is not None
    assert decision.health.state is Health.HEALTHY
    assert "older than 24h" in decision.health.reasons[0]
    assert not memory.healing.ailing
