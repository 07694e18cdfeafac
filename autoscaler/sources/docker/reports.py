"""What agents measure on other nodes, kept as if it had been read here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.model import NodeUsage, Task, TaskUsage
from autoscaler.ports import Clock
from autoscaler.sources.docker.frames import History, Reading
from autoscaler.sources.docker.share import Size

MOST_TASKS = 20_000
"""Tasks whose reports are kept; further ones have no value."""
FORGET_AFTER = 60.0
"""Seconds without a report after which a task is forgotten."""
USUAL_WINDOW = 15.0
"""Seconds of reports that are kept of a service that nobody has asked about."""

_Key = tuple[str, str]
"""A task and the node that reports of it."""


@dataclass(slots=True)
class _Kept:
    history: History
    heard: float


class Reports:
    """The last reports of each task, by service."""

    def __init__(self, monotonic: Clock) -> None:
        self._monotonic = monotonic
        self._services: defaultdict[str, dict[_Key, _Kept]] = defaultdict(dict)
        self._windows: dict[str, float] = {}
        self._sizes: dict[str, Size] = {}
        self._count = 0
        self._swept = monotonic()
        self.any = False
        """Whether any agent has ever reported."""

    def hear(self, usage: NodeUsage) -> None:
        """Take a node's report in."""
        self.any = True
        self._sizes[usage.node_id] = Size(cpu=usage.cores, memory=usage.memory)
        now = self._monotonic()
        self._sweep(now)
        for task in usage.tasks:
            self._keep(task, usage.node_id, now)

    def ask(self, service: str, window: float) -> None:
        """From now on so many seconds of reports are wanted of a service."""
        self._sweep(self._monotonic())
        self._windows[service] = max(window, self._windows.get(service, USUAL_WINDOW))

    def of(self, service: str, tasks: Sequence[Task] | None) -> Mapping[str, History]:
        """The reports of a service's tasks, by task id.

        Where a task is known to run, only its own node is believed.
        """
        places = {task.id: task.node_id for task in tasks or ()}
        kept = self._services.get(service, {})
        return {
            task: one.history
            for (task, node), one in kept.items()
            if places.get(task, node) == node
        }

    def sizes(self, tasks: Sequence[Task] | None) -> Mapping[str, Size]:
        """How large the node of each task is, as far as its agent told."""
        known = self._sizes
        return {task.id: known[task.node_id] for task in tasks or () if task.node_id in known}

    def _keep(self, task: TaskUsage, node: str, now: float) -> None:
        kept = self._services[task.service_id]
        one = kept.get((task.task_id, node))
        if one is None:
            if self._count >= MOST_TASKS:
                return
            one = kept[task.task_id, node] = _Kept(History(), now)
            self._count += 1
        one.heard = now
        one.history.keep = self._windows.get(task.service_id, USUAL_WINDOW)
        one.history.add(Reading(task.at, task.cpu, task.memory), now)

    def _sweep(self, now: float) -> None:
        """Now and then forget the tasks that nobody reports of any more, and what is wanted of
        services without any."""
        if now - self._swept <= FORGET_AFTER:
            return
        self._swept = now
        for service, kept in [*self._services.items()]:
            still = {key: one for key, one in kept.items() if now - one.heard <= FORGET_AFTER}
            self._count -= len(kept) - len(still)
            self._services[service] = still
            if not still:
                del self._services[service]
        self._windows = {key: each for key, each in self._windows.items() if key in self._services}
