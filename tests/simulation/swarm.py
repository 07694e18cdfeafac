"""The engine model as it is simulated: it moves on with time, and its writes are watched."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from autoscaler.ports import Clock
from autoscaler.testing.engine import FakeSwarm, steps
from autoscaler.testing.engine.faults import Request
from autoscaler.testing.engine.handlers import Handlers
from autoscaler.testing.engine.objects import EngineService
from autoscaler.testing.engine.server import EngineServer
from autoscaler.testing.network import Network

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

    @property
    def replicas_before(self) -> int:
        return int(self.before["Mode"]["Replicated"]["Replicas"])

    @property
    def replicas_after(self) -> int:
        return int(self.after["Mode"]["Replicated"]["Replicas"])


class SimulatedSwarm(FakeSwarm):
    """Takes one step after the other for as long as anything moves."""

    def __init__(self, clock: Clock, rng: random.Random, network: Network) -> None:
        super().__init__(
            clock,
            stepped=True,
            seed=rng.getrandbits(32),
            elapsed=lambda: asyncio.get_running_loop().time(),
            network=network,
        )
        self._rng = rng
        self._clock = clock
        self._moved = asyncio.Event()
        self.releases: dict[str, set[str]] = defaultdict(set)
        """The templates that each service has had, as texts, by its id."""
        self.on_write: Callable[[Write], None] = lambda _: None
        """Hears of each write that came over the API, once it is carried out."""
        self.before_write: Callable[[], None] = lambda: None
        self.after_write: Callable[[], None] = lambda: None
        """Done around each of them, before anybody hears how it went."""
        self.on_request: Callable[[Request], None] = lambda _: None
        self._handlers = _Watched(self)
        self._server = EngineServer(self._handlers, Path(), network)
        self._server.requests = _Asked(self)

    def create(self, *args: Any, **spec: Any) -> EngineService:
        """A service; its release is remembered."""
        return self._released(super().create(*args, **spec))

    def update(self, service: EngineService, **spec: Any) -> None:
        """Some fields of its spec; its release is remembered."""
        super().update(service, **spec)
        self._released(service)

    def _released(self, service: EngineService) -> EngineService:
        text = json.dumps({**service.template, "ForceUpdate": 0}, sort_keys=True)
        self.releases[service.id].add(text)
        return service

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

    def moved(self) -> None:
        """Something has changed: there may be a next step."""
        self._moved.set()

    def _written(self) -> None:
        self.moved()

    def _due_in(self) -> float | None:
        at = self.cluster.next_at
        return None if at is None else max(0.0, at - asyncio.get_running_loop().time())

    def tell_written(
        self, service: EngineService, before: Document, rollout: str, version: int
    ) -> None:
        """What came over the API was carried out."""
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
    def __init__(self, swarm: SimulatedSwarm) -> None:
        super().__init__(swarm.cluster, swarm.moved)
        self._swarm = swarm

    async def update_service(self, request: web.Request) -> web.Response:
        service = self._cluster.services.get(request.match_info["id"])
        if service is None:
            return await super().update_service(request)
        self._swarm.before_write()
        # The process that asked may have been killed just before.
        await asyncio.sleep(0)
        before, rollout, version = service.spec, service.rollout, service.index
        answer = await super().update_service(request)
        self._swarm.tell_written(service, before, rollout, version)
        self._swarm.after_write()
        return answer


class _Asked(deque[Request]):
    """Tells of each request; the newest are kept."""

    def __init__(self, swarm: SimulatedSwarm) -> None:
        super().__init__(maxlen=100)
        self._swarm = swarm

    def append(self, request: Request) -> None:
        super().append(request)
        self._swarm.on_request(request)
