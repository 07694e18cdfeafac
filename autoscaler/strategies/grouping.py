"""Which of a service's tasks count in an average, as HPA sorts pods.

Source: Kubernetes `pkg/controller/podautoscaler/replica_calculator.go`, `groupPods`. In
Swarm's terms: a task that is being taken away or has ended is ignored; one that does not
run yet is unready; one that runs without a sample is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.model import Task, TaskState, TaskValue


@dataclass(frozen=True, slots=True)
class StartUp:
    """When a young task's sample can be believed; HPA applies it to CPU only."""

    initialization: float
    """Seconds after its start in which a task counts only with a full window of samples."""
    readiness_delay: float
    """Seconds within which a task that was never ready must have become so."""


class Groups(NamedTuple):
    """Ids of tasks by what they contribute."""

    ready: frozenset[str]
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


_RUNNING = TaskState.RUNNING


def group(
    tasks: Iterable[Task],
    values: Mapping[str, TaskValue],
    now: float,
    start_up: StartUp | None,
    warm_up: float = 0.0,
) -> Groups:
    """Sort tasks; the first rule that fits a task decides.

    `warm_up` is not HPA's: a task that runs for fewer seconds is unready in any metric.
    """
    ids: dict[str, list[str]] = {kind: [] for kind in Groups._fields}
    for task in tasks:
        ids[_kind(task, values.get(task.id), now, start_up, warm_up)].append(task.id)
    return Groups(*map(frozenset, ids.values()))


def is_warming(task: Task, now: float, warm_up: float) -> bool:
    """Whether a task runs for less than `warm_up` seconds; the Swarm's clock may be ahead."""
    return warm_up > 0 and task.since + warm_up > now


def _kind(
    task: Task, value: TaskValue | None, now: float, start_up: StartUp | None, warm_up: float
) -> str:
    if not task.wanted:
        return "ignored"
    if task.state is not _RUNNING or (warm_up > 0 and is_warming(task, now, warm_up)):
        return "unready"
    if value is None or value.value is None:
        return "missing"
    if start_up is not None and _is_starting(task, value, now, start_up):
        return "unready"
    return "ready"


def _is_starting(task: Task, value: TaskValue, now: float, start_up: StartUp) -> bool:
    if task.created_at + start_up.initialization > now:
        measured = value.at if value.at is not None else now
        return not task.healthy or measured < task.since + value.window
    return not task.healthy and task.created_at + start_up.readiness_delay > task.since
