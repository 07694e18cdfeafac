"""One task is replaced, not the service, where its node has an agent that stops a container."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.decide import decide
from autoscaler.healing.exhausted import Exhausted
from autoscaler.model import (
    Act,
    Action,
    Attempt,
    Decision,
    Finding,
    Healing,
    Health,
    Intent,
    Mode,
    Outcome,
    Service,
    Task,
    TaskState,
)
from autoscaler.outcomes import judge
from autoscaler.testing.builders import NOW, a_healer, a_memory, a_service, a_task, observe

REPLACE = {"rule": "exhausted", "then": "replace"}
EITHER = {**REPLACE, "or": "restart"}


@pytest.fixture(autouse=True)
def wedged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that finds tasks 2 and 3 sick."""
    cures = frozenset({Act.RESTART, Act.REPLACE, Act.NOTIFY})
    finding = Finding(state=Health.DEGRADED, reason="wedged", tasks=("task-2", "task-3"))
    monkeypatch.setattr(Exhausted, "cures", cures)
    monkeypatch.setattr(Exhausted, "examine", lambda *given: (None, finding))


def task(number: int, **changes: Any) -> Task:
    given = {"container_id": f"c{number}", "node_id": f"node-{number}", **changes}
    return a_task(number, **given)


TASKS = (task(1), task(2), task(3))


def step(
    heal: dict[str, Any] = REPLACE,
    tasks: tuple[Task, ...] = TASKS,
    agents: tuple[str, ...] = ("node-2", "node-3"),
    service: Service | None = None,
    **policy: Any,
) -> Decision:
    seen = observe(service or a_service(3), tasks=tasks, agents=agents)
    return decide(a_healer(heal, **policy), seen, a_memory())[1]


def test_the_first_task_that_was_found_is_replaced() -> None:
    action = step().action
    assert action is not None
    assert (action.kind, action.task, action.container, action.node) == (
        Act.REPLACE,
        "task-2",
        "c2",
        "node-2",
    )
    assert (action.forced, action.change) == (None, 0)
    assert action.told == "replace task task-2"


def test_a_task_that_does_not_run_is_passed_over() -> None:
    action = step(tasks=(TASKS[0], task(2, state=TaskState.FAILED), TASKS[2])).action
    assert action is not None
    assert action.task == "task-3"


@pytest.mark.parametrize(
    ("guard", "changes"),
    [
        ("no_task", {"tasks": (TASKS[0],)}),
        ("no_task", {"tasks": (task(2, container_id=""),)}),
        ("no_task", {"tasks": (task(2, node_ready=False),)}),
        ("not_replaced", {"service": a_service(3, restarts="none")}),
        ("not_replaced", {"service": a_service(3, restarts="on-failure")}),
        ("not_replaced", {"service": a_service(3, max_attempts=3)}),
        ("without_agent", {"agents": ()}),
        ("without_agent", {"agents": ("node-1", "node-3")}),
    ],
)
def test_what_cannot_be_replaced_is_told_and_may_be_restarted(
    guard: str, changes: dict[str, Any]
) -> None:
    held = step(**changes)
    assert (held.action, held.held_by) == (None, guard)
    allowed = step(EITHER, **changes)
    assert allowed.action is not None
    assert (allowed.action.kind, allowed.action.forced) == (Act.RESTART, 1)
    assert f"{guard}: " in allowed.reason


def test_what_holds_a_replacement_for_now_does_not_turn_it_into_a_restart() -> None:
    held = step(EITHER, disruption={"min_available": 3})
    assert (held.action, held.held_by) == (None, "min_available")
    assert "a replace takes 1 at a time" in held.reason


def replaced_before(tasks: tuple[Task, ...], service: Service | None = None) -> Decision:
    """A look after one task was replaced, with no other pause between two."""
    attempt = Attempt(at=NOW - 60.0, act=Act.REPLACE, rule="exhausted")
    memory = a_memory(healing=Healing(attempts=(attempt,)))
    seen = observe(service or a_service(3), tasks=tasks, agents=("node-2", "node-3"))
    return decide(a_healer({**REPLACE, "cooldown": "0s"}), seen, memory)[1]


@pytest.mark.parametrize(
    "others",
    [
        (),
        (task(1, state=TaskState.STARTING),),
        (task(1, state=TaskState.FAILED),),
        (task(1, desired=TaskState.READY, state=TaskState.READY),),
        (task(1, node_ready=False),),
    ],
    ids=["gone", "starts", "failed", "waits", "on a lost node"],
)
def test_no_two_tasks_of_a_service_are_replaced_at_a_time(others: tuple[Task, ...]) -> None:
    held = replaced_before((*others, *TASKS[1:]))
    assert (held.action, held.held_by) == (None, "still_replacing")
    assert "1 tasks do not run since the last one was replaced" in held.reason


def test_the_next_task_is_replaced_once_the_one_before_it_is_back() -> None:
    action = replaced_before(TASKS).action
    assert action is not None
    assert action.task == "task-2"


def test_of_a_global_service_too_one_task_is_replaced_at_a_time() -> None:
    nodes = tuple(task(n, slot=0) for n in (1, 2, 3))
    everywhere = a_service(None, mode=Mode.GLOBAL)
    starts = (replace(nodes[0], state=TaskState.STARTING), *nodes[1:])
    assert replaced_before(starts, everywhere).held_by == "still_replacing"
    assert replaced_before(nodes, everywhere).action is not None


def test_a_replacement_takes_one_task_whatever_the_update_settings_say() -> None:
    service = a_service(3, at_once=0)
    assert step(service=service, disruption={"min_available": 2}).action is not None


def test_a_task_that_never_came_to_run_may_be_replaced_and_is_no_loss() -> None:
    wedged = (TASKS[0], task(2, state=TaskState.STARTING), TASKS[2])
    action = step(tasks=wedged, disruption={"min_available": 2}).action
    assert action is not None
    assert action.task == "task-2"


def test_or_is_for_replace_and_must_help() -> None:
    with pytest.raises(ValidationError, match="or: restart is for then: replace"):
        a_healer({"rule": "exhausted", "then": "notify", "or": "restart"})


INTENT = Intent(
    id="i",
    at=NOW,
    policy="p",
    action=Action(
        kind=Act.REPLACE,
        service_id="web-id",
        service="web",
        version=7,
        replicas=3,
        previous=3,
        task="task-2",
        container="c2",
        node="node-2",
    ),
)


@pytest.mark.parametrize(
    ("tasks", "later", "outcome"),
    [
        (TASKS, 1.0, None),
        (TASKS, 60.0, Outcome.FAILED),
        ((TASKS[0], TASKS[2]), 1.0, Outcome.DONE),
        ((replace(TASKS[1], state=TaskState.FAILED),), 1.0, Outcome.DONE),
        ((replace(TASKS[1], desired=TaskState.SHUTDOWN),), 1.0, Outcome.DONE),
    ],
)
def test_whether_a_task_was_replaced_is_told_by_whether_it_runs(
    tasks: tuple[Task, ...], later: float, outcome: Outcome | None
) -> None:
    assert judge(INTENT, a_service(3), tasks, NOW + later) is outcome
