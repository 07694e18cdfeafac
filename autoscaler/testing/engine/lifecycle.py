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
    EngineTask,
)
from autoscaler.testing.engine.programs import Behaviour, Program, Span
from autoscaler.testing.engine.restarts import may_start

_NEXT = {
    "assigned": ("accepted", "accepted"),
    "accepted": ("preparing", "preparing"),
    "preparing": ("ready", "prepared"),
    "ready": ("starting", "starting"),
    "starting": (RUNNING, "started"),
}

_ENDS = {
    Behaviour.FAILS: (1, ""),
    Behaviour.EXITS: (0, ""),
    Behaviour.UNHEALTHY: (137, "task: non-zero exit (137): dockerexec: unhealthy container"),
}


def run(cluster: Cluster, service_id: str) -> None:
    """One step of every task of a service whose node can be reached."""
    for task in cluster.tasks_of(service_id):
        node = cluster.nodes.get(task.node_id)
        if node is not None and (node.silent or node.state != "ready"):
            continue
        if task.desired in (SHUTDOWN, REMOVE):
            _stop(cluster, task)
            continue
        if task.desired == READY and may_start(cluster, task):
            cluster.set_desired(task, RUNNING)
        if cluster.clock >= task.move_at:
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
    if task.state == RUNNING and not task.stopping:
        task.stopping = True
        _take(cluster, task, cluster.pace.stop)
    if cluster.clock < task.move_at and task.stopping:
        return
    ran = task.state == RUNNING
    cluster.set_state(task, SHUTDOWN, "shutdown")
    if ran:
        _tell(cluster, task, "die", exitCode="0")


def _move_on(cluster: Cluster, task: EngineTask) -> None:
    program = cluster.program(task.spec)
    waiting = task.desired == READY and task.state == "ready"
    if task.state == RUNNING and task.ends:
        _end_as(cluster, task, Behaviour(task.ends))
    if task.state not in _NEXT or waiting:
        return
    if task.state == "preparing" and program.behaviour is Behaviour.MISSING:
        cluster.set_state(task, "rejected", "preparing", f"No such image: {image_of(task.spec)}")
        return
    cluster.set_state(task, *_NEXT[task.state])
    if task.state == "preparing":
        _take(cluster, task, cluster.pace.pull)
    elif task.state == "starting":
        _take(cluster, task, cluster.pace.start)
    elif task.state == "ready":
        task.container = hashlib.sha256(task.id.encode()).hexdigest()
        _tell(cluster, task, "create")
    elif task.state == RUNNING:
        _tell(cluster, task, "start")
        _run(cluster, task, program)


def _run(cluster: Cluster, task: EngineTask, program: Program) -> None:
    """A container runs: for ever, for a while, or not at all."""
    if program.behaviour not in _ENDS:
        return
    if program.after:
        task.ends = program.behaviour
        _take(cluster, task, (program.after, program.after))
    else:
        # At once, so that no rollout takes it for a success meanwhile.
        _end_as(cluster, task, program.behaviour)


def _end_as(cluster: Cluster, task: EngineTask, behaviour: Behaviour) -> None:
    if behaviour is Behaviour.UNHEALTHY:
        tell_health(cluster, task, "unhealthy")
    exit_code, error = _ENDS[behaviour]
    end(cluster, task, exit_code, error)


def _take(cluster: Cluster, task: EngineTask, span: Span) -> None:
    """Let the next state of a container come after a while."""
    least, most = span
    if most > 0:
        task.move_at = cluster.clock + int(cluster.random.uniform(least, most) * 1e9)
        cluster.wake(task.service_id, task.move_at)


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
