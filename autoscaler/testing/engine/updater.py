"""Rolls updates out, as far as rollouts matter to somebody who would write meanwhile."""

from __future__ import annotations

from functools import partial

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import (
    REMOVE,
    RUNNING,
    SHUTDOWN,
    Document,
    EngineService,
    EngineTask,
    stamp,
)
from autoscaler.testing.engine.slots import dirty, new_task

_PAUSED = ("paused", "rollback_paused")
_ACTIVE = ("updating", "rollback_started")


def roll(cluster: Cluster, service: EngineService) -> None:
    """One step: replace some tasks of an older template, or finish, or give up.

    A write clears the status, so that a rollout that was paused goes on after it: the
    updater stops only where it reads "paused".
    """
    if service.mode.endswith("Job") or service.rollout in _PAUSED:
        return
    tasks = _newest(cluster, service)
    old = [task for task in tasks if dirty(service, task)]
    if service.rollout not in _ACTIVE:
        if old:
            _set(cluster, service, "updating", "update in progress")
        return
    failed = _failed(cluster, service)
    if failed is not None:
        _give_up(cluster, service, failed)
    elif old:
        _replace_some(cluster, service, old, tasks)
    elif all(task.state == RUNNING for task in tasks if task.wanted):
        _finish(cluster, service)


def _newest(cluster: Cluster, service: EngineService) -> list[EngineTask]:
    """The task of each slot or node: the one that shall run, else the last that ended."""
    found: dict[int | str, EngineTask] = {}
    for task in sorted(cluster.tasks_of(service.id), key=lambda each: (each.wanted, each.created)):
        if task.desired != REMOVE:
            found[task.place] = task
    return list(found.values())


def _replace_some(
    cluster: Cluster, service: EngineService, old: list[EngineTask], tasks: list[EngineTask]
) -> None:
    """Stop as many as may be replaced at a time, when the last ones run."""
    running = {task.place for task in tasks if task.state == RUNNING and not dirty(service, task)}
    if not service.rolled <= running:
        return
    at_once = int(_config(service).get("Parallelism", 1)) or len(old)
    for task in old[:at_once]:
        service.rolled.add(task.place)
        if task.wanted:
            cluster.set_desired(task, SHUTDOWN)
        else:
            new_task(cluster, service, task.slot, "" if task.slot else task.node_id)


def _failed(cluster: Cluster, service: EngineService) -> EngineTask | None:
    """A task that this rollout brought and that ended."""
    started = str((service.update or {}).get("StartedAt", ""))
    for task in cluster.tasks_of(service.id):
        bad = task.state in ("failed", "rejected", "complete") and not dirty(service, task)
        if bad and task.place in service.rolled and stamp(task.created) >= started:
            return task
    return None


def _give_up(cluster: Cluster, service: EngineService, task: EngineTask) -> None:
    action = _config(service).get("FailureAction") or "pause"
    why = f"due to failure or early termination of task {task.id}"
    rolling_back = service.rollout == "rollback_started"
    if action == "rollback" and not rolling_back and service.previous is not None:
        cluster.write_service(service, partial(_roll_back, service, f"update rolled back {why}"))
    elif action == "continue":
        _finish(cluster, service)
    elif rolling_back:
        _set(cluster, service, "rollback_paused", f"rollback paused {why}")
    else:
        _set(cluster, service, "paused", f"update paused {why}")


def _roll_back(service: EngineService, message: str) -> None:
    """The automatic rollback restores the previous spec and clears it."""
    if service.previous is not None:
        service.spec, service.previous = service.previous, None
    service.rolled.clear()
    _status(service, "rollback_started", message, service.updated)


def _finish(cluster: Cluster, service: EngineService) -> None:
    if service.rollout == "rollback_started":
        _set(cluster, service, "rollback_completed", "rollback completed")
    else:
        _set(cluster, service, "completed", "update completed")


def _set(cluster: Cluster, service: EngineService, state: str, message: str) -> None:
    now = cluster.now()
    if state in _ACTIVE:
        service.rolled.clear()
    cluster.write_service(service, partial(_status, service, state, message, now))


def _status(service: EngineService, state: str, message: str, now: int) -> None:
    status = {"State": state, "StartedAt": stamp(now), "Message": message}
    if state.endswith("completed"):
        started = (service.update or {}).get("StartedAt", stamp(now))
        status |= {"StartedAt": started, "CompletedAt": stamp(now)}
    service.update = status


def _config(service: EngineService) -> Document:
    rolling_back = service.rollout == "rollback_started"
    found = service.spec.get("RollbackConfig" if rolling_back else "UpdateConfig")
    return found if isinstance(found, dict) else {}
