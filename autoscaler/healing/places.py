"""What became of each of a service's places: the slots of a replicated one, else its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoscaler.model import Mode, Observation, Task, TaskState

ENDED_BY_ITSELF = frozenset({TaskState.FAILED, TaskState.REJECTED, TaskState.COMPLETE})
"""A task that was told to end, by a scale-down or on a drained node, says `shutdown`."""


def fell(task: Task, seen: Observation) -> bool:
    """Whether a task ended by itself, on a node that answers, and its end is no success."""
    done = task.state is TaskState.COMPLETE and seen.service.restarts != "any"
    return task.state in ENDED_BY_ITSELF and task.node_ready and not done


def newest(tasks: Iterable[Task]) -> list[Task]:
    """The last task of each place, those of places that were scaled away left out."""
    found: dict[int | str, Task] = {}
    for task in sorted(tasks, key=lambda each: (each.created_at, each.id)):
        if task.desired is not TaskState.REMOVE:
            found[task.place] = task
    return list(found.values())


def given_up(observation: Observation, grace: float) -> Sequence[Task]:
    """The last task of each place that Swarm has given up, for at least `grace` seconds.

    Swarm gives a place up once `max_attempts` are used. A task that ended as it may end
    (its restart condition says so) is no loss.
    """
    service, tasks = observation.service, observation.tasks or ()
    if service.mode is not Mode.REPLICATED or not service.max_attempts:
        return ()
    alive = {task.place for task in tasks if task.alive}
    missing = (service.replicas or 0) - len(alive)
    dead = [
        task
        for task in newest(tasks)
        if task.place not in alive and _lost(task, service.restarts, observation.now - grace)
    ]
    return dead[: max(0, missing)]


def _lost(task: Task, restarts: str, before: float) -> bool:
    """Whether a place's last task ended long enough ago, and should have been followed."""
    may_end = restarts == "none" or (restarts == "on-failure" and task.state is TaskState.COMPLETE)
    return task.state in ENDED_BY_ITSELF and not may_end and task.since <= before
