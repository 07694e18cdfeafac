"""Which tasks have a place, and which are still owed one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autoscaler.model import Service, Task, TaskState


@dataclass(frozen=True, slots=True)
class Limit:
    """How many more tasks one kind of scarcity allows; may be negative."""

    more: int
    reason: str


def live(task: Task) -> bool:
    """Whether the task runs or will run: one that waits for its restart delay, too."""
    return not task.state.ended and not task.desired.ended


def has_address(task: Task) -> bool:
    """Whether the task holds an address in its networks; a new one does not yet."""
    return live(task) and task.state is not TaskState.NEW


def owed(service: Service, tasks: Iterable[Task], placed: Callable[[Task], bool]) -> int:
    """Tasks that the service asks for already and that take a place before any other.

    Negative when more are placed than it asks for. A slot whose restarts are used up is
    owed nothing: Swarm does not fill it again.
    """
    tasks, asked = tuple(tasks), service.replicas or 0
    filled = {task.slot for task in tasks if live(task)}
    known = {task.slot for task in tasks if task.desired is not TaskState.REMOVE}
    given_up = min(len(known - filled), max(0, asked - len(filled)))
    return asked - given_up - sum(map(placed, tasks))
