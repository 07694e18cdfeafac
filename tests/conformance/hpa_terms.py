"""Kubernetes' words and milli-units in this project's: pods, samples, targets, behavior."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autoscaler.model import Quality, Run, Sample, Scaled, Task, TaskState, TaskValue
from autoscaler.testing.builders import LONG_AGO, NOW, a_task

Case = Mapping[str, Any]

WINDOW = 60.0
"""The seconds over which each of the cases' samples was measured."""
INITIALIZATION = "2m"
READINESS_DELAY = "10s"

PHASES = {
    "Pending": TaskState.PENDING,
    "Running": TaskState.RUNNING,
    "Succeeded": TaskState.COMPLETE,
    "Failed": TaskState.FAILED,
}
STARTS = {"old": 0.0, "cool": NOW - 180.0, "hot": NOW}
SELECT = {"Max": "max", "Min": "min", "Disabled": "disabled"}
UNIT = {"Pods": "replicas", "Percent": "percent"}

GENEROUS = [{"percent": 1_000_000, "period": "1s"}, {"replicas": 1_000_000, "period": "1s"}]
"""Rate limits for cases that are not about them."""


def units(milli: float) -> float:
    """A quantity of which Kubernetes counts thousandths."""
    return milli / 1000


def seconds(number: float) -> str:
    return f"{number}s"


def tasks(pods: Iterable[Case]) -> tuple[Task, ...]:
    """Pods as tasks; one that is not ready is one whose node is not."""
    return tuple(
        a_task(
            number,
            PHASES[pod["phase"]],
            id=pod["name"],
            desired=TaskState.SHUTDOWN if pod["deleting"] else TaskState.RUNNING,
            node_ready=bool(pod["ready"]),
            created_at=STARTS[pod["start"]],
            since=STARTS[pod["start"]],
        )
        for number, pod in enumerate(pods, start=1)
    )


def ready_pods(count: int) -> list[Case]:
    """What a case means that lists no pods."""
    return [
        {"name": f"p{i}", "phase": "Running", "ready": True, "start": "old", "deleting": False}
        for i in range(count)
    ]


def pod_sample(
    pods: Sequence[Case], usage: Sequence[float], requests: Sequence[float | None] = ()
) -> Sample:
    """Usage and requests by position; a shorter list means that the later pods have none."""
    names = [pod["name"] for pod in pods]
    names += [f"stranger-{i}" for i in range(len(usage) - len(pods))]
    values = {
        name: TaskValue(value=_nth(usage, i), of=_nth(requests, i), at=NOW, window=WINDOW)
        for i, name in enumerate(names)
        if i < max(len(usage), len(requests))
    }
    return Sample(quality=Quality.VALUE, tasks=values)


def _nth(quantities: Sequence[float | None], index: int) -> float | None:
    quantity = quantities[index] if index < len(quantities) else None
    return None if quantity is None else units(quantity)


def total_sample(series: Iterable[float]) -> Sample:
    """Several series are summed, as by `reduce: sum`."""
    return Sample(quality=Quality.VALUE, value=units(sum(series)))


def target(case: Case, resource: str | None = None) -> dict[str, Any]:
    """The options of `target:`."""
    options: dict[str, Any] = {"strict_hpa": True}
    if resource == "cpu":
        options |= {"initialization": INITIALIZATION, "readiness_delay": READINESS_DELAY}
    if "target_utilization_percent" in case:
        return {**options, "utilization": case["target_utilization_percent"]}
    if "target_average_value_milli" in case:
        return {**options, "average_value": units(case["target_average_value_milli"])}
    return {**options, "value": units(case["target_value_milli"])}


def pace(rules: Case) -> dict[str, Any]:
    """One direction of `behavior:`; what is not stated has its default."""
    return {ours: read(rules[theirs]) for theirs, (ours, read) in _PACE.items() if theirs in rules}


def _limits(policies: Iterable[Case]) -> list[dict[str, Any]]:
    return [{UNIT[p["type"]]: p["value"], "period": seconds(p["period_s"])} for p in policies]


_PACE: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "tolerance": ("tolerance", float),
    "stabilization_window_s": ("stabilization", seconds),
    "select_policy": ("select", SELECT.__getitem__),
    "policies": ("policies", _limits),
}


def legacy_pace(factor: int, minimum: int) -> dict[str, Any]:
    """At most `max(factor * current, minimum)`, which has no period of its own."""
    percent = {"percent": (factor - 1) * 100, "period": "1s"}
    return {"policies": [percent, {"replicas": minimum, "period": "1s"}]}


def scaled(up: Iterable[Case], down: Iterable[Case]) -> tuple[Scaled, ...]:
    """Scale events, which Kubernetes logs by direction and without a sign."""
    added = [Scaled(at=NOW - event["age_s"], change=event["replica_change"]) for event in up]
    removed = [Scaled(at=NOW - event["age_s"], change=-event["replica_change"]) for event in down]
    return (*added, *removed)


def runs(recommendations: Iterable[Case]) -> tuple[Run, ...]:
    """A log of recommendations; an empty one is one that no window can see."""
    log = sorted(recommendations, key=lambda entry: -entry["age_s"])
    times = [(NOW - entry["age_s"], entry["replicas"]) for entry in log] or [(LONG_AGO, 0)]
    return tuple(Run(replicas=number, since=at, until=at) for at, number in times)
