"""Rolls updates out as SwarmKit's updater does: slots are queued, and workers take them.

A write replaces the updater, and with it what it has counted. Only ends of tasks that this
updater has started count as failures, and only within the monitoring period after they ran.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.testing.engine import rollout
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.dirty import dirty
from autoscaler.testing.engine.objects import (
    ENDED,
    REMOVE,
    RUNNING,
    SHUTDOWN,
    Document,
    EngineService,
    EngineTask,
)
from autoscaler.testing.engine.restarts import delay_start, runs_or_will

_MONITOR = 5 * 10**9
"""Nanoseconds for which a new task is watched unless the service says otherwise."""


@dataclass
class Worker:
    """Replaces one slot after the other."""

    task: str = ""
    """The new task that it waits for; empty for none."""
    free_at: int = 0
    """When its delay is over, in nanoseconds."""


@dataclass
class Updater:
    """One attempt to bring a service's tasks to its spec."""

    spec: Document
    config: Document
    queue: list[int | str]
    """Slots, or nodes, that are still to be replaced."""
    workers: list[Worker]
    slots: int
    started: dict[str, int] = field(default_factory=dict)
    """When its new tasks ran, in nanoseconds; 0 while they do not."""
    failed: set[str] = field(default_factory=set)
    done_at: int = 0
    """When the last monitoring period ends; 0 while slots are being replaced."""


def aim(cluster: Cluster, service: EngineService, slots: list[list[EngineTask]]) -> None:
    """Begin to update these slots, unless that is under way already."""
    if service.updater is not None and service.updater.spec == service.spec:
        return
    service.updater = None
    if service.rollout in rollout.PAUSED:
        return
    queue = [tasks[0].place for tasks in slots if len(tasks) > 1 or dirty(cluster, service, *tasks)]
    if not queue:
        rollout.finish(cluster, service)
        return
    if service.update is None:
        rollout.start(cluster, service)
    config = rollout.config(service)
    at_once = int(config.get("Parallelism", 1)) or len(queue)
    workers = [Worker() for _ in range(min(at_once, len(queue)))]
    service.updater = Updater(service.spec, config, queue, workers, len(queue))
    cluster.stir(service.id)


def roll(cluster: Cluster, service: EngineService) -> None:
    """One step: heed failures, go on with the next slots, or come to the end."""
    updater = service.updater
    if updater is None or updater.spec != service.spec:
        # A write ends it; what has failed meanwhile counts no more.
        service.updater = None
        return
    for worker in updater.workers:
        _notice(cluster, service, updater, worker)
    failed = _failure(cluster, updater)
    if failed is not None:
        service.updater = None
        rollout.give_up(cluster, service, updater.config, failed)
        return
    for worker in updater.workers:
        if not worker.task and updater.queue and cluster.clock >= worker.free_at:
            _replace(cluster, service, updater, worker)
    if not updater.queue and all(_free(cluster, worker) for worker in updater.workers):
        _monitor(cluster, service, updater)


def _notice(cluster: Cluster, service: EngineService, updater: Updater, worker: Worker) -> None:
    """A new task that runs, or has ended, sets its worker free after the delay."""
    if not worker.task:
        return
    task = cluster.tasks.get(worker.task)
    if task is not None and task.state != RUNNING and task.state not in ENDED:
        return
    if task is not None and task.state == RUNNING:
        updater.started[task.id] = task.since
        _retire(cluster, [each for each in _slot(cluster, service, task.place) if each != task])
    _release(cluster, service, updater, worker)


def _release(cluster: Cluster, service: EngineService, updater: Updater, worker: Worker) -> None:
    worker.task = ""
    worker.free_at = cluster.clock + int(updater.config.get("Delay") or 0)
    cluster.wake(service.id, worker.free_at)


def _free(cluster: Cluster, worker: Worker) -> bool:
    return not worker.task and cluster.clock >= worker.free_at


def _failure(cluster: Cluster, updater: Updater) -> str | None:
    """The task whose end is one too many."""
    config = updater.config
    if config.get("FailureAction") == "continue":
        return None
    monitor = int(config.get("Monitor") or _MONITOR)
    for key, started in updater.started.items():
        task = cluster.tasks.get(key)
        if task is None or task.state not in ENDED or key in updater.failed:
            continue
        if not started or task.since - started <= monitor:
            updater.failed.add(key)
            if len(updater.failed) / updater.slots > float(config.get("MaxFailureRatio") or 0):
                return key
    return None


def _replace(cluster: Cluster, service: EngineService, updater: Updater, worker: Worker) -> None:
    """Take the next slot: go on with a task that is new already, or make one."""
    cluster.stir(service.id)
    place = updater.queue.pop(0)
    old = _slot(cluster, service, place)
    if not old:
        return
    clean = [task for task in old if runs_or_will(task) and not dirty(cluster, service, task)]
    if clean:
        clean.sort(key=lambda task: task.desired != RUNNING)
        _retire(cluster, [task for task in old if task is not clean[0]])
        _release(cluster, service, updater, worker)
        return
    new = cluster.new_task(service, old[0].slot, "" if old[0].slot else old[0].node_id)
    updater.started[new.id] = 0
    worker.task = new.id
    start_first = updater.config.get("Order") == "start-first"
    stopping = None if start_first else _retire(cluster, old)
    delay_start(cluster, new, stopping)


def _slot(cluster: Cluster, service: EngineService, place: int | str) -> list[EngineTask]:
    """The tasks of a slot that are meant to run; else the last one of those that are not."""
    tasks = [task for task in cluster.tasks_of(service.id) if task.place == place]
    tasks = [task for task in tasks if task.desired != REMOVE]
    meant = [task for task in tasks if runs_or_will(task)]
    return meant or sorted(tasks, key=lambda task: task.created)[-1:]


def _retire(cluster: Cluster, tasks: list[EngineTask]) -> EngineTask | None:
    """Stop these; tells one of those that were not stopped before."""
    stopping = [task for task in tasks if runs_or_will(task)]
    for task in stopping:
        cluster.set_desired(task, SHUTDOWN)
    return stopping[-1] if stopping else None


def _monitor(cluster: Cluster, service: EngineService, updater: Updater) -> None:
    """Once all are replaced, wait for one more monitoring period."""
    if not updater.done_at:
        updater.done_at = cluster.clock + int(updater.config.get("Monitor") or _MONITOR)
        cluster.wake(service.id, updater.done_at)
    elif cluster.clock >= updater.done_at:
        service.updater = None
        rollout.finish(cluster, service)
