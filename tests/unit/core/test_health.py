"""How a service is said to be, from its tasks and its rollout, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide.health import STARTS_WITHIN, plain, standing
from autoscaler.model import Finding, Health, Rollout, Standing, Task, TaskState
from autoscaler.testing.builders import NOW, a_service, a_task, some_tasks


def starting(number: int, age: float = 5.0, **more: Any) -> Task:
    return a_task(number, TaskState.STARTING, created_at=NOW - age, **more)


@pytest.mark.parametrize(
    ("tasks", "state", "told"),
    [
        (some_tasks(3), Health.HEALTHY, ()),
        ((*some_tasks(2), starting(3)), Health.HEALTHY, ("2 of 3 tasks run, 1 start",)),
        (some_tasks(2), Health.DEGRADED, ("2 of 3 tasks run",)),
        ((a_task(1), starting(2)), Health.DEGRADED, ("1 of 3 tasks run",)),
        ((starting(1), starting(2)), Health.DEGRADED, ("0 of 3 tasks run",)),
        ((), Health.UNHEALTHY, ("0 of 3 tasks run",)),
    ],
)
def test_tasks_that_run_and_those_that_come_are_counted(
    tasks: tuple[Task, ...], state: Health, told: tuple[str, ...]
) -> None:
    assert plain(a_service(3), tasks, NOW) == Standing(state=state, reasons=told)


@pytest.mark.parametrize(
    "task",
    [
        starting(3, age=STARTS_WITHIN),
        starting(3, node_ready=False),
        starting(3, error="no suitable node"),
        starting(3, desired=TaskState.SHUTDOWN),
    ],
    ids=["for too long", "its node is lost", "with an error", "told to end"],
)
def test_what_does_not_come_is_not_counted(task: Task) -> None:
    found = plain(a_service(3), (*some_tasks(2), task), NOW)
    assert found == Standing(state=Health.DEGRADED, reasons=("2 of 3 tasks run",))


@pytest.mark.parametrize(
    ("rollout", "message", "state", "told"),
    [
        (Rollout.UPDATING, "", Health.UPDATING, "an update is updating"),
        (Rollout.UPDATING, "update in progress", Health.UPDATING, "update in progress"),
        (Rollout.PAUSED, "", Health.STUCK, "an update is paused"),
        (Rollout.ROLLBACK_PAUSED, "task x failed", Health.STUCK, "task x failed"),
    ],
)
def test_swarms_words_for_a_rollout_come_first(
    rollout: Rollout, message: str, state: Health, told: str
) -> None:
    service = a_service(3, rollout=rollout, rollout_message=message)
    assert plain(service, some_tasks(3), NOW) == Standing(state=state, reasons=(told,))


def test_the_gravest_is_said_and_what_else_is_wrong_beside_it() -> None:
    loops = Finding(state=Health.CRASH_LOOPING, reason="it ended 3 times")
    old = Finding(state=Health.HEALTHY, reason="it is old")
    found = standing(a_service(3), some_tasks(2), NOW, (loops, old))
    reasons = ("2 of 3 tasks run", "it ended 3 times")
    assert found == Standing(state=Health.CRASH_LOOPING, reasons=reasons)
    well = standing(a_service(3), some_tasks(3), NOW, (old,))
    assert well == Standing(state=Health.HEALTHY, reasons=("it is old",))
