"""What the last task list said of each service, for as long as nothing speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from autoscaler.model import Node, Task, TaskState
from autoscaler.orchestrators.swarm.listed import Listed
from autoscaler.orchestrators.swarm.translate import node_ready


@dataclass(frozen=True, slots=True)
class Remembered:
    """One service's tasks, and what it looked like when they were listed."""

    version: int
    counts: tuple[int | None, int | None]
    tasks: tuple[Task, ...]
    whole: int | None
    """Tasks in the last list that had the ended ones too; None when there was none."""
    turn: int
    """The snapshot that listed it."""

    def fits(self, listed: Listed) -> bool:
        """Whether the service's version and counts are what they were."""
        return (self.version, self.counts) == (listed.service.version, listed.counts)

    @property
    def on_lost_node(self) -> bool:
        """Whether a task that has not ended is on a node that is not ready."""
        return any(not (task.node_ready or task.state.ended) for task in self.tasks)

    def after(self, tasks: Iterable[Task]) -> tuple[Task, ...]:
        """Tasks that shall run as just listed, with the ended ones that are known."""
        now = tuple(tasks)
        listed = {task.id for task in now}
        ended = (task for task in self.tasks if task.state.ended and task.id not in listed)
        return (*now, *ended)

    def wanted(self) -> frozenset[str]:
        """Ids of the tasks that shall run."""
        return frozenset(task.id for task in self.tasks if task.desired is TaskState.RUNNING)

    def on(self, nodes: Mapping[str, Node]) -> Remembered:
        """The same tasks, on nodes that are in another state now."""
        return replace(
            self,
            tasks=tuple(
                task
                if task.node_ready == (ready := node_ready(task.node_id, nodes))
                else replace(task, node_ready=ready)
                for task in self.tasks
            ),
        )


def newest(tasks: Iterable[Task], ended: int) -> tuple[Task, ...]:
    """All tasks that have not ended, and the `ended` newest of those that have."""
    alive: list[Task] = []
    dead: list[Task] = []
    for task in tasks:
        (dead if task.state.ended else alive).append(task)
    dead.sort(key=lambda task: (task.since, task.id), reverse=True)
    return (*alive, *dead[:ended])
