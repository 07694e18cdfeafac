"""The service that is scaled: replicas that need a while to start, and stop at once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from autoscaler.model import Service, Task, TaskState

NAME = "service"


class Plant:
    """Replicas of one service in virtual time."""

    def __init__(
        self,
        replicas: int,
        start_delay: float,
        service: Service | None = None,
        lists_tasks: bool = True,
    ) -> None:
        """`replicas` run from the beginning; each further one runs `start_delay` seconds later.

        Where no metric is told by task, `lists_tasks=False` spares the time that tasks take.
        """
        known = service or Service(id=NAME, name=NAME, version=1)
        self._service = replace(known, replicas=replicas, running=replicas)
        self._delay = start_delay
        self._since = [float("-inf")] * replicas
        """When each replica runs, oldest first."""
        self._tasks: tuple[Task, ...] | None = () if lists_tasks else None
        self._listed: tuple[int, int] | None = None

    @property
    def replicas(self) -> int:
        """How many are asked for."""
        return len(self._since)

    def running(self, now: float) -> int:
        """How many run."""
        return bisect_right(self._since, now)

    def scale(self, replicas: int, now: float) -> None:
        """Ask for so many: the youngest go first."""
        del self._since[replicas:]
        self._since += [now + self._delay] * (replicas - len(self._since))
        version = self._service.version + 1
        self._service = replace(self._service, replicas=replicas, version=version)
        self._listed = None

    def observed(self, now: float) -> tuple[Service, tuple[Task, ...] | None]:
        """The service and its tasks as a pass would see them; None where tasks are not listed."""
        seen = (self.replicas, self.running(now))
        if seen != self._listed:
            self._listed = seen
            self._service = replace(self._service, running=seen[1])
            if self._tasks is not None:
                slots = range(1, self.replicas + 1)
                self._tasks = tuple(self._task(slot, now) for slot in slots)
        return self._service, self._tasks

    def _task(self, slot: int, now: float) -> Task:
        since = self._since[slot - 1]
        runs = since <= now
        return Task(
            id=f"task-{slot}-{max(since, 0.0):.0f}",
            service_id=self._service.id,
            slot=slot,
            state=TaskState.RUNNING if runs else TaskState.STARTING,
            desired=TaskState.RUNNING,
            node_id="node",
            since=max(since if runs else since - self._delay, 0.0),
            created_at=max(since - self._delay, 0.0),
        )
