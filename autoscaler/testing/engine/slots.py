"""Makes and retires tasks, so that each service has those that it asks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from autoscaler.testing.engine import updater
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import (
    ENDED,
    REMOVE,
    RUNNING,
    SHUTDOWN,
    EngineService,
    EngineTask,
)
from autoscaler.testing.engine.restarts import lost, restart, runs_or_will, should_restart
from autoscaler.testing.engine.scheduler import may_run

Slots = dict[int, list[EngineTask]]


def fill(cluster: Cluster, service: EngineService) -> None:
    """One task for each slot or node, none for those beyond."""
    if service.mode.endswith("Job"):
        _leave_lost_nodes(cluster, service)
        _fill_job(cluster, service)
    elif service.mode == "Global":
        _leave_lost_nodes(cluster, service)
        _restart(cluster, service)
        _fill_nodes(cluster, service)
    else:
        _restart(cluster, service)
        if service.reconciled != service.index:
            service.reconciled = service.index
            _reconcile(cluster, service)


def reap(cluster: Cluster, service_id: str) -> None:
    """Delete tasks of services that are gone, of slots that are gone, and old history."""
    ended: dict[int | str, list[EngineTask]] = defaultdict(list)
    for task in cluster.tasks_of(service_id):
        gone = service_id not in cluster.services or task.desired == REMOVE
        if gone and (task.state in ENDED or not task.node_id):
            cluster.drop_task(task)
        elif task.state in ENDED:
            ended[task.place].append(task)
    for history in ended.values():
        history.sort(key=lambda task: task.since)
        for task in history[: max(0, len(history) - cluster.retention)]:
            cluster.drop_task(task)


def _restart(cluster: Cluster, service: EngineService) -> None:
    for task in cluster.tasks_of(service.id):
        ended = task.state in ENDED or (task.node_id and lost(cluster.nodes.get(task.node_id)))
        if ended and runs_or_will(task):
            restart(cluster, service, task)


def _reconcile(cluster: Cluster, service: EngineService) -> None:
    """After a change of the service: update the slots that stay, add or remove others."""
    slots, dead = _slots(cluster, service)
    kept = _keep(slots, service.replicas)
    updater.aim(cluster, service, [slots[slot] for slot in kept])
    for slot in [*(slots.keys() - set(kept)), *dead]:
        for task in slots.get(slot) or dead[slot]:
            cluster.set_desired(task, REMOVE)
    free = (slot for slot in range(1, 10**6) if slot not in slots)
    for _ in range(service.replicas - len(kept)):
        cluster.new_task(service, next(free))


def _slots(cluster: Cluster, service: EngineService) -> tuple[Slots, Slots]:
    """Slots with what can be updated in each; and those in which nothing will ever run again."""
    found: Slots = defaultdict(list)
    for task in cluster.tasks_of(service.id):
        if task.desired != REMOVE:
            found[task.slot].append(task)
    slots: Slots = {}
    dead: Slots = {}
    for slot in sorted(found):
        tasks = updatable(cluster, service, found[slot])
        if tasks:
            slots[slot] = tasks
        else:
            dead[slot] = found[slot]
    return slots, dead


def updatable(
    cluster: Cluster, service: EngineService, tasks: list[EngineTask]
) -> list[EngineTask]:
    """The tasks of a slot that are meant to run; else the last one, if its end is final."""
    meant = [task for task in tasks if runs_or_will(task)]
    if meant or service.rollout == "rollback_started":
        return meant
    newest = max(tasks, key=lambda task: task.created)
    return [] if should_restart(cluster, newest) else [newest]


def _keep(slots: Slots, replicas: int) -> list[int]:
    """Slots that stay after a scale-down: nodes are left balanced, then what runs stays."""
    if replicas >= len(slots):
        return list(slots)

    def order(slot: int) -> tuple[bool, int]:
        return not any(task.state == RUNNING for task in slots[slot]), slot

    copies: Counter[str] = Counter()
    places: dict[int, tuple[bool, int]] = {}
    for slot in sorted(slots, key=order):
        node = slots[slot][0].node_id if len(slots[slot]) == 1 else ""
        copies[node] += 1
        places[slot] = (not node, copies[node] if node else 0)
    return sorted(places, key=places.__getitem__)[:replicas]


def _fill_nodes(cluster: Cluster, service: EngineService) -> None:
    by_node: dict[str, list[EngineTask]] = defaultdict(list)
    for task in cluster.tasks_of(service.id):
        by_node[task.node_id].append(task)
    if service.reconciled != service.index:
        service.reconciled = service.index
        slots = (updatable(cluster, service, tasks) for tasks in by_node.values())
        updater.aim(cluster, service, [tasks for tasks in slots if tasks])
    for node in cluster.nodes.values():
        mine = by_node[node.id]
        if any(map(runs_or_will, mine)) or not may_run(node, service.template):
            continue
        if not mine or should_restart(cluster, max(mine, key=lambda task: task.created)):
            cluster.new_task(service, 0, node.id)


def _fill_job(cluster: Cluster, service: EngineService) -> None:
    mine = list(cluster.tasks_of(service.id))
    for task in mine:
        if task.iteration != service.iteration:
            cluster.set_desired(task, REMOVE)
    current = [task for task in mine if task.iteration == service.iteration]
    for _ in range(service.replicas - len(current)):
        cluster.set_desired(cluster.new_task(service, 0), "complete")


def _leave_lost_nodes(cluster: Cluster, service: EngineService) -> None:
    """Tasks on nodes that are down or drained shall not run there; a down node cannot stop."""
    for task in _unended(cluster, service):
        node = cluster.nodes.get(task.node_id)
        if node is not None and lost(node):
            cluster.set_desired(task, SHUTDOWN)


def _unended(cluster: Cluster, service: EngineService) -> Iterable[EngineTask]:
    return (task for task in cluster.tasks_of(service.id) if task.state not in ENDED)
