"""The engine model as it is simulated: it moves on with time, and its writes are watched."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from autoscaler.ports import Clock
from autoscaler.testing.engine import FakeSwarm, steps
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.handlers import Handlers
from autoscaler.testing.engine.objects import READY, EngineService
from autoscaler.testing.engine.server import EngineServer
from autoscaler.testing.network import Network

LONGEST_REST = 10.0
"""Seconds after which the cluster is looked at even if nothing seems to be due."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """What came over the API and was carried out."""

    at: float
    service: str
    service_id: str
    before: Document
    after: Document
    rollout: str
    """The state of the update before it."""
    version: int
    """The service's version before it."""
    running: int
    """Tasks of the service that ran on nodes which are not lost."""


class SimulatedSwarm(FakeSwarm):
    """Takes one step after the other for as long as anything moves."""

    def __init__(self, clock: Clock, rng: random.Random, network: Network) -> None:
        super().__init__(clock, stepped=True, seed=rng.getrandbits(32), network=network)
        self._rng = rng
        self._clock = clock
        self._moved = asyncio.Event()
        self.on_write: Callable[[Write], None] = lambda _: None
        self._handlers = _Watched(self.cluster, self._written, self._tell)
        self._server = EngineServer(self._handlers, Path(), network)

    async def run(self) -> None:
        """Move the cluster on, for ever."""
        while True:
            if steps.advance(self.cluster):
                await asyncio.sleep(self._rng.uniform(0.2, 1.0))
                continue
            self._moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._due_in()):
                    await self._moved.wait()

    def named(self, name: str) -> EngineService | None:
        """A service, if it is there."""
        found = self.cluster.services.values()
        return next((service for service in found if service.name == name), None)

    def running(self, service: EngineService) -> int:
        """Its tasks that run, but for those on lost nodes."""
        return sum(
            task.state == "running" and self.cluster.nodes[task.node_id].state == "ready"
            for task in self.tasks(service)
        )

    def _written(self) -> None:
        self._moved.set()

    def _due_in(self) -> float:
        now = self.cluster.now()
        waiting = [t.not_before for t in self.cluster.tasks.values() if t.desired == READY]
        due = min((at - now for at in waiting if at > now), default=0)
        return min(LONGEST_REST, due / 1e9 + 0.01) if due else LONGEST_REST

    def _tell(self, service: EngineService, before: Document, rollout: str, version: int) -> None:
        write = Write(
            at=self._clock(),
            service=service.name,
            service_id=service.id,
            before=before,
            after=service.spec,
            rollout=rollout,
            version=version,
            running=self.running(service),
        )
        self.on_write(write)


class _Watched(Handlers):
    def __init__(
        self,
        cluster: Cluster,
        written: Callable[[], None],
        tell: Callable[[EngineService, Document, str, int], None],
    ) -> None:
        super().__init__(cluster, written)
        self._tell = tell

    async def update_service(self, request: web.Request) -> web.Response:
        service = self._cluster.services.get(request.match_info["id"])
        if service is None:
            return await super().update_service(request)
        before, rollout, version = service.spec, service.rollout, service.index
        answer = await super().update_service(request)
        self._tell(service, before, rollout, version)
        return answer
