"""An orchestrator that sees and does more, through the agents of the nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from autoscaler.errors import Conflict
from autoscaler.hub import Hub
from autoscaler.model import Act, Action, Event, Fleet, Service, Task, Template
from autoscaler.ports import Orchestrator


class WithAgents:
    """Asks a node's agent for what a manager cannot do; all else goes to the orchestrator.

    To what a manager tells of tasks it adds which of them ran out of memory.
    """

    def __init__(self, orchestrator: Orchestrator, hub: Hub, within: float) -> None:
        """`within` is how long an agent may take to stop a container, in seconds."""
        self._orchestrator = orchestrator
        self._hub = hub
        self._within = within

    async def snapshot(self) -> Fleet:
        """See Orchestrator."""
        fleet = await self._orchestrator.snapshot()
        known = self._hub.out_of_memory
        told = {
            service: _marked(fleet.tasks[service], known[service])
            for service in known.keys() & fleet.tasks.keys()
        }
        return replace(fleet, tasks={**fleet.tasks, **told}) if told else fleet

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """See Orchestrator."""
        service, tasks = await self._orchestrator.inspect(service_id)
        return service, _marked(tasks, self._hub.out_of_memory.get(service_id, frozenset()))

    async def apply(self, action: Action) -> Service:
        """See Orchestrator; a task that is replaced must still be as it was observed."""
        if action.kind is not Act.REPLACE:
            return await self._orchestrator.apply(action)
        service, tasks = await self._orchestrator.inspect(action.service_id)
        _check(service, tasks, action)
        await self._hub.stop(action, self._within)
        return service

    async def template(self, service_id: str) -> Template:
        """See Orchestrator."""
        return await self._orchestrator.template(service_id)

    async def restore(self, action: Action, template: Template) -> Service:
        """See Orchestrator."""
        return await self._orchestrator.restore(action, template)

    def events(self) -> AsyncIterator[Event]:
        """See Orchestrator."""
        return self._orchestrator.events()

    async def close(self) -> None:
        """See Orchestrator."""
        await self._orchestrator.close()


def _marked(tasks: tuple[Task, ...], ended: Collection[str]) -> tuple[Task, ...]:
    """The tasks, with those that ran out of memory marked."""
    if not ended:
        return tasks
    return tuple(replace(task, oom=True) if task.id in ended else task for task in tasks)


def _check(service: Service, tasks: tuple[Task, ...], action: Action) -> None:
    """Raises Conflict where something happened since it was decided."""
    if service.version != action.version:
        raise Conflict(
            f"{service.name} is at version {service.version}, decided from {action.version}"
        )
    if not service.rollout.settled:
        raise Conflict(f"{service.name} is {service.rollout}: an update is under way")
    task = next((task for task in tasks if task.id == action.task), None)
    if task is None or not (task.wanted and task.node_ready):
        raise Conflict(f"task {action.task} does not run any more")
    if (task.container_id, task.node_id) != (action.container, action.node):
        raise Conflict(f"task {action.task} runs in another container")
