"""A Swarm of plain values, for tests of what is above the orchestrator port.

It keeps the port's promises (versions, conflicts, events) and nothing of the engine's
API: for that, see the engine model, which speaks HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from autoscaler.errors import Conflict, Gone, OutcomeUnknown, Refused
from autoscaler.model import (
    Action,
    Event,
    Fleet,
    Node,
    Rollout,
    Service,
    Task,
    TaskState,
    Template,
)


class MemorySwarm:
    """Services with versions; new replicas run at once."""

    def __init__(self, clock: Callable[[], float], *services: Service) -> None:
        self.clock = clock
        self.services = {service.id: service for service in services}
        self.tasks = {service.id: _tasks(service, clock()) for service in services}
        self.nodes = {"node1": Node(id="node1", hostname="node1")}
        self.applied: list[Action] = []
        """Every action that changed a service."""
        self.lose_answers = False
        """Writes are done, and their answers lost."""
        self.fault: Exception | None = None
        """Raised by every call while set."""
        self.unfit: set[str] = set()
        """Releases whose templates name what is gone."""
        self.raw = ""
        """What else is in each template."""
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=1000)

    async def snapshot(self) -> Fleet:
        """The whole fleet."""
        self._fail()
        return Fleet(
            at=self.clock(),
            services=dict(self.services),
            tasks=dict(self.tasks),
            nodes=dict(self.nodes),
        )

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """One service."""
        self._fail()
        if service_id not in self.services:
            raise Gone(f"no service {service_id}")
        return self.services[service_id], self.tasks[service_id]

    async def apply(self, action: Action) -> Service:
        """Scale or restart, by compare and set."""
        service, _ = await self.inspect(action.service_id)
        if service.version != action.version:
            raise Conflict("update out of sequence")
        changes = {"forced": action.forced} if action.heals else {"replicas": action.replicas}
        written = self.write(service.id, **changes)
        self.applied.append(action)
        if self.lose_answers:
            raise OutcomeUnknown("no answer came")
        return written

    async def template(self, service_id: str) -> Template:
        """The release and `raw`, which is all that there is of a template."""
        service, _ = await self.inspect(service_id)
        raw = service.template + self.raw
        return Template(release=service.template, image=service.image, raw=raw)

    async def restore(self, action: Action, template: Template) -> Service:
        """Bring a release back, by compare and set."""
        service, _ = await self.inspect(action.service_id)
        if service.version != action.version:
            raise Conflict("update out of sequence")
        if template.release in self.unfit:
            raise Refused("it names what is not there any more")
        back = {"template": template.release, "image": template.image, "rollout": Rollout.NONE}
        written = self.write(service.id, **back)
        self.applied.append(action)
        if self.lose_answers:
            raise OutcomeUnknown("no answer came")
        return written

    def write(self, service_id: str, **changes: object) -> Service:
        """Change a service as anybody might: its version moves and an event is sent."""
        service = self.services[service_id]
        service = replace(service, version=service.version + 1, **changes)  # type: ignore[arg-type]
        self.services[service_id] = service
        self.tasks[service_id] = _tasks(service, self.clock())
        event = Event(service_id=service_id, kind="service", action="update", at=self.clock())
        self._events.put_nowait(event)
        return service

    async def events(self) -> AsyncIterator[Event]:
        """Every write, for ever."""
        while True:
            yield await self._events.get()

    async def close(self) -> None:
        """Nothing to give back."""

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


def _tasks(service: Service, now: float) -> tuple[Task, ...]:
    return tuple(
        Task(
            id=f"{service.id}.{slot}",
            service_id=service.id,
            slot=slot,
            state=TaskState.RUNNING,
            desired=TaskState.RUNNING,
            node_id="node1",
            since=now,
            created_at=now,
        )
        for slot in range(1, (service.replicas or 0) + 1)
    )
