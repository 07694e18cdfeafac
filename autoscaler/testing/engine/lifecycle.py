"""Runs tasks: one state at a time, as an agent on their node would."""

from __future__ import annotations

import hashlib

from autoscaler.testing.engine.cluster import Cluster, image_of
from autoscaler.testing.engine.objects import (
    ENDED,
    READY,
    REMOVE,
    RUNNING,
    SHUTDOWN,
    Behaviour,
    EngineTask,
)

_NEXT = {
    "assigned": ("accepted", "accepted"),
    "accepted": ("preparing", "preparing"),
    "preparing": ("ready", "prepared"),
    "ready": ("starting", "starting"),
    "starting": (RUNNING, "started"),
}


def run(cluster: Cluster) -> None:
    """One step of every task whose node can be reached."""
    for task in list(cluster.tasks.values()):
        node = cluster.nodes.get(task.node_id)
        if node is not None and node.state == "down":
            continue
        if task.desired in (SHUTDOWN, REMOVE):
            _stop(cluster, task)
        elif task.desired == READY and cluster.now() >= task.not_before:
            cluster.set_desired(task, RUNNING)
        else:
            _move_on(cluster, task)


def end(cluster: Cluster, task: EngineTask, exit_code: int, error: str = "") -> None:
    """A container that ends by itself, with an exit code."""
    task.exit_code = exit_code
    if exit_code or error:
        why = error or f"task: non-zero exit ({exit_code})"
        cluster.set_state(task, "failed", "started", why)
    else:
        cluster.set_state(task, "complete", "finished")
    _tell(cluster, task, "die", exitCode=str(exit_code))


def tell_health(cluster: Cluster, task: EngineTask, health: str) -> None:
    """A container's health check changed its mind."""
    _tell(cluster, task, f"health_status: {health}")


def _stop(cluster: Cluster, task: EngineTask) -> None:
    if task.state in ENDED:
        return
    ran = task.state == RUNNING
    cluster.set_state(task, SHUTDOWN, "shutdown")
    if ran:
        _tell(cluster, task, "die", exitCode="0")


def _move_on(cluster: Cluster, task: EngineTask) -> None:
    behaviour = cluster.behaviour(task.spec)
    waiting = task.desired == READY and task.state == "ready"
    if task.state not in _NEXT or waiting:
        return
    if task.state == "preparing" and behaviour is Behaviour.MISSING:
        cluster.set_state(task, "rejected", "preparing", f"No such image: {image_of(task.spec)}")
        return
    cluster.set_state(task, *_NEXT[task.state])
    if task.state == "ready":
        task.container = hashlib.sha256(task.id.encode()).hexdigest()
        _tell(cluster, task, "create")
    elif task.state == RUNNING:
        _tell(cluster, task, "start")
        # At once, so that no rollout takes it for a success meanwhile.
        if behaviour in (Behaviour.FAILS, Behaviour.EXITS):
            end(cluster, task, 1 if behaviour is Behaviour.FAILS else 0)


def _tell(cluster: Cluster, task: EngineTask, action: str, **more: str) -> None:
    """Container events are told by the engine of their own node only."""
    if task.node_id != cluster.here:
        return
    attributes = {
        "com.docker.swarm.node.id": task.node_id,
        "com.docker.swarm.service.id": task.service_id,
        "com.docker.swarm.service.name": task.service_name,
        "com.docker.swarm.task.id": task.id,
        "com.docker.swarm.task.name": task.name,
        "image": image_of(task.spec),
        "name": task.name,
    }
    cluster.journal.tell("container", action, task.container, {**attributes, **more}, swarm=False)
