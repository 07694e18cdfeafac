"""Which tasks count: ignored, unready, missing or ready; the first rule that fits decides."""

from __future__ import annotations

import pytest

from autoscaler.model import Task, TaskState, TaskValue
from autoscaler.strategies.grouping import Groups, StartUp, group
from autoscaler.testing.builders import NOW, a_task

CPU = StartUp(initialization=120.0, readiness_delay=10.0)
SAMPLED = TaskValue(value=1.0, at=NOW, window=60.0)


def kind_of(task: Task, value: TaskValue | None, start_up: StartUp | None = None) -> str:
    values = {} if value is None else {task.id: value}
    groups = group([task], values, NOW, start_up)
    kinds = [kind for kind in Groups._fields if task.id in getattr(groups, kind)]
    assert len(kinds) == 1
    return kinds[0]


@pytest.mark.parametrize("state", [state for state in TaskState if state.ended])
def test_a_task_that_has_ended_is_ignored(state: TaskState) -> None:
    assert kind_of(a_task(state=state), SAMPLED) == "ignored"


@pytest.mark.parametrize("desired", [TaskState.SHUTDOWN, TaskState.REMOVE])
def test_a_task_that_is_being_taken_away_is_ignored(desired: TaskState) -> None:
    assert kind_of(a_task(desired=desired), SAMPLED) == "ignored"


@pytest.mark.parametrize(
    "state", [s for s in TaskState if not s.ended and s is not TaskState.RUNNING]
)
def test_a_task_that_does_not_run_yet_is_unready(state: TaskState) -> None:
    assert kind_of(a_task(state=state), SAMPLED) == "unready"
    assert kind_of(a_task(state=state), None) == "unready"


@pytest.mark.parametrize("value", [None, TaskValue(value=None, of=1.0)])
def test_a_running_task_without_a_sample_is_missing(value: TaskValue | None) -> None:
    assert kind_of(a_task(), value) == "missing"
    assert kind_of(a_task(), value, CPU) == "missing"


def test_zero_is_a_sample() -> None:
    assert kind_of(a_task(), TaskValue(value=0.0)) == "ready"


def test_readiness_and_age_count_for_cpu_only() -> None:
    young = a_task(created_at=NOW, since=NOW, node_ready=False)
    assert kind_of(young, SAMPLED) == "ready"
    assert kind_of(young, SAMPLED, CPU) == "unready"


@pytest.mark.parametrize(
    ("age", "measured", "healthy", "kind"),
    [
        (60.0, NOW, True, "ready"),
        (60.0, NOW - 0.1, True, "unready"),
        (119.9, NOW, False, "unready"),
        (120.0, NOW - 300, True, "ready"),
    ],
)
def test_while_it_starts_a_task_needs_a_full_window_of_samples(
    age: float, measured: float, healthy: bool, kind: str
) -> None:
    task = a_task(created_at=NOW - age, since=NOW - min(age, 60.0), node_ready=healthy)
    assert kind_of(task, TaskValue(value=1.0, at=measured, window=60.0), CPU) == kind


def test_a_sample_without_a_time_is_taken_to_be_of_now() -> None:
    task = a_task(created_at=NOW - 100, since=NOW - 60)
    assert kind_of(task, TaskValue(value=1.0, window=60.0), CPU) == "ready"
    assert kind_of(task, TaskValue(value=1.0, window=61.0), CPU) == "unready"


def test_later_only_a_task_that_never_became_ready_is_unready() -> None:
    never = a_task(created_at=NOW - 600, since=NOW - 594, node_ready=False)
    no_longer = a_task(created_at=NOW - 600, since=NOW - 540, node_ready=False)
    assert kind_of(never, SAMPLED, CPU) == "unready"
    assert kind_of(no_longer, SAMPLED, CPU) == "ready"


def test_no_tasks_make_empty_groups() -> None:
    groups = group([], {"task-1": SAMPLED}, NOW, CPU)
    assert groups == Groups(frozenset(), frozenset(), frozenset(), frozenset())
