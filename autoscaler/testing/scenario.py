"""The whole loop around plain values: a scenario is played pass by pass on a manual clock.

async with Scenario(a_service(replicas=3), policies=[document]) as scene:
    scene.source.answer = constant(900.0)
    await scene.cycle()
    assert scene.swarm.services["web-id"].replicas == 9
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from autoscaler.brake import Brake, BrakeLimits
from autoscaler.controller import Controller
from autoscaler.decide import recall
from autoscaler.errors import AutoscalerError
from autoscaler.model import Decision, Record, Service
from autoscaler.passes import Passes
from autoscaler.policy import parse_policy
from autoscaler.policy_files import LoadedPolicy
from autoscaler.ports import Orchestrator, Store
from autoscaler.reconciler import Reconciler
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.memory_swarm import MemorySwarm
from autoscaler.testing.scripted_source import Answer, ScriptedSource, constant
from autoscaler.view import View


class Scenario:
    """Services, policies and answers; `cycle` plays one pass over the fleet."""

    def __init__(
        self,
        *services: Service,
        policies: Sequence[Mapping[str, Any]] = (),
        answer: Answer | None = None,
        limits: BrakeLimits | None = None,
        store: Store | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.swarm = MemorySwarm(self.clock, *services)
        self.orchestrator: Orchestrator = self.swarm
        self.source = ScriptedSource(answer or constant(0.0))
        self.telemetry = Telemetry(self.clock)
        self.limits = limits or BrakeLimits()
        self.view = View()
        self._given_store = store
        self.policies = [load(document) for document in policies]

    async def __aenter__(self) -> Self:
        self.store = self._given_store or await SqliteStore.open(":memory:")
        await self.restart()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.store.close()

    async def restart(self) -> None:
        """As a new process would start: with what the store holds, and nothing else."""
        stored = await self.store.memories()
        passed_at = await self.store.passed_at() or 0.0
        now = self.clock()
        self.memories = {
            key: recall.awake(memory, passed_at, now) for key, memory in stored.items()
        }
        self.view = View()
        self.passes = Passes(
            self.view, Brake(self.limits, self.memories.values()), self.memories, 60.0, now
        )
        self.passes.revisions.update(await self.store.revisions())
        intents = await self.store.open_intents()
        self.reconciler = Reconciler(
            self.passes, self.orchestrator, self.store, self.telemetry, self.clock, intents
        )
        self.controller = Controller(
            orchestrator=self.orchestrator,
            sources={"prometheus": self.source},
            reconciler=self.reconciler,
            view=self.view,
            covering=self.covering,
            telemetry=self.telemetry,
            clock=self.clock,
            interval=15.0,
        )

    def rewrite(self, policies: Sequence[Mapping[str, Any]]) -> None:
        """Put other policies in the place of those there are."""
        self.policies = [load(document) for document in policies]

    def covering(self, service: Service) -> Sequence[LoadedPolicy]:
        """The policies over a service."""
        return [loaded for loaded in self.policies if loaded.policy.covers(service)]

    async def cycle(self, seconds: float = 15.0) -> None:
        """Let time pass, then look at the fleet, decide, and act until all is done.

        However much time it is, it counts as watched: for a time in which nobody looked,
        move the clock by hand first.
        """
        before, passed = self.clock(), self.passes.passed
        self.clock.advance(seconds)
        passed |= {key: passed.get(key, before) + seconds for key in self.memories}
        fault: AutoscalerError | None = None
        async with asyncio.TaskGroup() as group:
            self.controller.use(group)
            try:
                await self.controller.cycle()
            except AutoscalerError as error:
                fault = error
        if fault is not None:
            raise fault

    async def cycles(self, count: int, seconds: float = 15.0) -> None:
        """So many passes, one after the other."""
        for _ in range(count):
            await self.cycle(seconds)

    def replicas(self, service_id: str = "web-id") -> int | None:
        """What the service's spec asks for now."""
        return self.swarm.services[service_id].replicas

    async def last(self, service: str = "web") -> Decision:
        """The newest decision on record."""
        record: Record | None = await self.store.last(service)
        assert record is not None, f"no decision about {service} is on record"
        return record.decision


def load(document: Mapping[str, Any]) -> LoadedPolicy:
    """A policy as if it had been read from a file."""
    return LoadedPolicy(
        policy=parse_policy(document), document=document, file="scenario.yaml", line=1
    )
