"""What stands for the cluster and for the metrics: plain values in memory, no network.

Both make new values at every call, as adapters do, and keep count of the CPU time that this
takes: it is a part of every cycle, and told apart in the results.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from autoscaler.errors import Conflict, Gone
from autoscaler.model import (
    Action,
    Event,
    Fleet,
    Quality,
    Sample,
    Service,
    Task,
    TaskValue,
    Template,
)
from autoscaler.ports import Clock, Query
from autoscaler.sources.prometheus.options import Options
from bench import fleet


class Spent:
    """CPU seconds of this thread."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what happens within."""
        begun = time.thread_time()
        yield
        self.seconds += time.thread_time() - begun


class BenchSwarm:
    """An `Orchestrator` whose services change at once, and only by `apply`."""

    def __init__(self, clock: Clock, count: int, spent: Spent) -> None:
        self._clock = clock
        self._spent = spent
        self.nodes = fleet.nodes(count)
        self.services = {service.id: service for service in fleet.services(count)}
        self.tasks = {key: fleet.tasks(s, len(self.nodes)) for key, s in self.services.items()}
        self.applied = 0

    async def snapshot(self) -> Fleet:
        """Each service anew, its tasks as they were: so does the Swarm's adapter."""
        with self._spent.counted():
            services = {key: replace(s, running=s.replicas) for key, s in self.services.items()}
            return Fleet(
                at=self._clock(), services=services, tasks=dict(self.tasks), nodes=self.nodes
            )

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """One service."""
        if service_id not in self.services:
            raise Gone(service_id)
        return self.services[service_id], self.tasks[service_id]

    async def apply(self, action: Action) -> Service:
        """Scale, by compare and set."""
        service, _ = await self.inspect(action.service_id)
        if service.version != action.version:
            raise Conflict("update out of sequence")
        with self._spent.counted():
            return self._scaled(service, action.replicas)

    async def template(self, service_id: str) -> Template:
        """There are none."""
        raise Gone(service_id)

    async def restore(self, action: Action, template: Template) -> Service:
        """Nothing is rolled back."""
        raise Gone(action.service_id)

    def _scaled(self, service: Service, replicas: int) -> Service:
        after = replace(
            service,
            version=service.version + 1,
            replicas=replicas,
            running=replicas,
            updated_at=self._clock(),
        )
        self.services[service.id] = after
        self.tasks[service.id] = fleet.tasks(after, len(self.nodes))
        self.applied += 1
        return after

    async def events(self) -> AsyncIterator[Event]:
        """None ever."""
        await asyncio.Event().wait()
        yield Event(service_id=None, kind="stream", action="resync", at=self._clock())

    async def close(self) -> None:
        """Nothing to give back."""


class BenchSource:
    """A `Source` that answers by a load for each service, in replicas that it needs."""

    Options = Options

    def __init__(self, clock: Clock, spent: Spent, loads: dict[str, float]) -> None:
        self._clock = clock
        self._spent = spent
        self.loads = loads
        """The replicas that each service needs, by its id."""

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order."""
        with self._spent.counted():
            now = self._clock()
            return [self._answer(query, tasks, now) for query in queries]

    def _answer(self, query: Query, tasks: Mapping[str, tuple[Task, ...]], now: float) -> Sample:
        key = query.service.id
        # Within a hundredth, as measurements differ a little from time to time.
        needed = self.loads[key] * (1.0 + (hash((key, now)) % 200 - 100) / 10_000)
        if getattr(query.options, "per_task", None) is None:
            return Sample(quality=Quality.VALUE, value=100.0 * needed, at=now - 2.0)
        known = tasks[key]
        used = 0.35 * needed / len(known)
        values = {
            task.id: TaskValue(value=used, at=now - 2.0, window=20.0, of=0.5) for task in known
        }
        return Sample(quality=Quality.VALUE, at=now - 2.0, tasks=values)

    async def close(self) -> None:
        """Nothing to give back."""
