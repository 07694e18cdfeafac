"""Makes and retires tasks, so that each service has those that it asks for."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import (
    ENDED,
    READY,
    REMOVE,
    RUNNING,
    SHUTDOWN,
    Document,
    EngineService,
    EngineTask,
)
from autoscaler.testing.engine.scheduler import may_run

_DELAY = 5 * 10**9
"""Nanoseconds between a task's end and its replacement unless the service says otherwise."""


def fill(cluster: Cluster, service: EngineService) -> None:
    """One task for each slot or node, none for those beyond."""
    _leave_lost_nodes(cluster, service)
    if service.mode.endswith("Job"):
        _fill_job(cluster, service)
    elif service.mode == "Global":
        _fill_nodes(cluster, service)
    else:
        _fill_slots(cluster, service)


def reap(cluster: Cluster) -> None:
    """Delete tasks of services that are gone, of slots that are gone, and old history."""
    ended: dict[tuple[str, int, str], list[EngineTask]] = defaultdict(list)
    for task in list(cluster.tasks.values()):
        gone = task.service_id not in cluster.services or task.desired == REMOVE
        if gone and (task.state in ENDED or not task.node_id):
            cluster.drop_task(task)
        elif task.state in ENDED:
            ended[task.service_id, task.slot, "" if task.slot else task.node_id].append(task)
    for history in ended.values():
        history.sort(key=lambda task: task.since)
        for task in history[: max(0, len(history) - cluster.retention)]:
            cluster.drop_task(task)


def new_task(cluster: Cluster, service: EngineService, slot: int, node: str = "") -> EngineTask:
    """A task of the service as it is specified now."""
    task = EngineTask(
        id=cluster.new_id(),
        service_id=service.id,
        service_name=service.name,
        slot=slot,
        node_id=node,
        spec=copy.deepcopy(_runtime_free(service)),
        iteration=service.iteration,
    )
    cluster.add_task(task)
    return task


def dirty(service: EngineService, task: EngineTask) -> bool:
    """Whether the task was made from another template."""
    return task.spec != _runtime_free(service)


def _runtime_free(service: EngineService) -> Document:
    return {key: value for key, value in service.template.items() if key != "Runtime"}


def _fill_slots(cluster: Cluster, service: EngineService) -> None:
    slots: dict[int, list[EngineTask]] = defaultdict(list)
    for task in cluster.tasks_of(service.id):
        if task.desired != REMOVE:
            slots[task.slot].append(task)
    kept = _keep(slots, service.replicas)
    for slot in slots.keys() - kept:
        for task in slots[slot]:
            cluster.set_desired(task, REMOVE)
    for slot in kept:
        if not any(task.wanted for task in slots[slot]):
            _replace(cluster, service, slots[slot])
    free = (slot for slot in range(1, 10**6) if slot not in slots)
    for _ in range(service.replicas - len(kept)):
        new_task(cluster, service, next(free))


def _keep(slots: dict[int, list[EngineTask]], replicas: int) -> set[int]:
    """Slots that stay after a scale-down: those that run first, then the lowest."""

    def order(slot: int) -> tuple[bool, int]:
        runs = any(task.wanted and task.state == RUNNING for task in slots[slot])
        return not runs, slot

    return set(sorted(slots, key=order)[:replicas])


def _fill_nodes(cluster: Cluster, service: EngineService) -> None:
    for node in cluster.nodes.values():
        mine = [task for task in cluster.tasks_of(service.id) if task.node_id == node.id]
        if may_run(node, service.template) and not any(task.wanted for task in mine):
            if mine:
                _replace(cluster, service, mine, node.id)
            else:
                new_task(cluster, service, 0, node.id)


def _fill_job(cluster: Cluster, service: EngineService) -> None:
    mine = list(cluster.tasks_of(service.id))
    for task in mine:
        if task.iteration != service.iteration:
            cluster.set_desired(task, REMOVE)
    current = [task for task in mine if task.iteration == service.iteration]
    for _ in range(service.replicas - len(current)):
        cluster.set_desired(new_task(cluster, service, 0), "complete")


def _replace(
    cluster: Cluster, service: EngineService, slot: Iterable[EngineTask], node: str = ""
) -> None:
    """A new task after one that ended, if the restart policy wants it, after its delay."""
    last = max(slot, key=lambda task: task.created)
    policy = service.template.get("RestartPolicy") or {}
    condition = policy.get("Condition") or "any"
    retired = last.desired == SHUTDOWN and last.state in (SHUTDOWN, RUNNING)
    failed = last.state in ("failed", "rejected")
    if not retired and (condition == "none" or (condition == "on-failure" and not failed)):
        return
    if not retired and _given_up(service, slot, int(policy.get("MaxAttempts") or 0)):
        return
    task = new_task(cluster, service, last.slot, node)
    if not retired:
        cluster.set_desired(last, SHUTDOWN)
        task.desired = READY
        task.not_before = last.since + int(policy.get("Delay", _DELAY))


def _given_up(service: EngineService, slot: Iterable[EngineTask], most: int) -> bool:
    """Whether a slot's restarts are used up. Another template starts to count anew."""
    ended = ("failed", "rejected", "complete")
    tried = sum(task.state in ended and not dirty(service, task) for task in slot)
    return 0 < most < tried


def _leave_lost_nodes(cluster: Cluster, service: EngineService) -> None:
    """Tasks on nodes that are down or drained shall not run there; a down node cannot stop."""
    for task in cluster.tasks_of(service.id):
        node = cluster.nodes.get(task.node_id)
        if node is None or task.state in ENDED:
            continue
        if node.state == "down" or node.availability == "drain":
            cluster.set_desired(task, SHUTDOWN)
