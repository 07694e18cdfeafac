"""One fleet in one process: cycles of the real loop, and what they cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from autoscaler import garbage
from autoscaler.brake import Brake, BrakeLimits
from autoscaler.controller import Controller
from autoscaler.covering import Covering
from autoscaler.orchestrators.swarm import translate
from autoscaler.passes import Passes
from autoscaler.reconciler import Reconciler
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.view import View
from bench import fleet
from bench.stand_ins import BenchSource, BenchSwarm, Spent

INTERVAL = 15.0
WARM_UP = 3
"""Cycles before any is measured: the first stores all services as new."""
STORMS = 3
MOVING = 100
"""In a steady cycle one service of so many needs a replica more."""
DISTINCT = 100
"""Documents that the anchors parse over and over."""


@dataclass
class Cost:
    """CPU seconds of each measured cycle, and of both anchors right after it."""

    cycle: list[float] = field(default_factory=list)
    stand_ins: list[float] = field(default_factory=list)
    """The part of the cycle that the stand-ins took."""
    parse: list[float] = field(default_factory=list)
    """`json.loads` of each service's document."""
    read: list[float] = field(default_factory=list)
    """The same, and the Swarm adapter's translation."""
    hold: list[float] = field(default_factory=list)
    """In other cycles: the longest time for which the event loop was not given back."""
    actions: int = 0


@dataclass
class Result:
    """What was measured of one fleet."""

    services: int
    policies: fleet.Policies
    memory: dict[str, float] = field(default_factory=dict)
    """MiB in use: with the imports, with the fleet, after steady cycles, after the measured storms
    and the most until then, and the most of all, three more storms included."""
    tasks: int = 0
    """After the measured storms."""
    steady: Cost = field(default_factory=Cost)
    storm: Cost = field(default_factory=Cost)


class Bench:
    """The product's own parts around the stand-ins."""

    def __init__(self, count: int, policies: fleet.Policies, store: SqliteStore) -> None:
        self.clock = ManualClock()
        self.spent = Spent()
        self.swarm = BenchSwarm(self.clock, count, self.spent)
        loads = {key: float(s.replicas or 0) for key, s in self.swarm.services.items()}
        self.source = BenchSource(self.clock, self.spent, loads)
        self.controller = self._controller(policies, store)
        documents = islice(self.swarm.services.values(), DISTINCT)
        self._raw = [json.dumps(fleet.raw_service(service)) for service in documents]
        self._moved = 0

    def _controller(self, policies: fleet.Policies, store: SqliteStore) -> Controller:
        view, telemetry = View(), Telemetry(self.clock)
        passes = Passes(view, Brake(BrakeLimits()), {}, 2 * INTERVAL + 10.0, self.clock())
        in_force = fleet.policy_set(self.swarm.services, policies)
        return Controller(
            orchestrator=self.swarm,
            sources={"prometheus": self.source},
            reconciler=Reconciler(passes, self.swarm, store, telemetry, self.clock),
            view=view,
            covering=Covering(lambda: in_force, {}),
            telemetry=telemetry,
            clock=self.clock,
            interval=INTERVAL,
        )

    async def cycle(self) -> None:
        """One cycle, and the actions that come of it."""
        self.clock.advance(INTERVAL)
        async with asyncio.TaskGroup() as group:
            self.controller.use(group)
            await self.controller.cycle()

    def move(self) -> None:
        """Some services, others each time, need more."""
        loads = self.source.loads
        keys = list(loads)
        for _ in range(len(keys) // MOVING):
            loads[keys[self._moved % len(keys)]] += 1.0
            self._moved += 1

    def storm(self) -> None:
        """All services need more at once."""
        self.source.loads |= {
            key: (service.replicas or 0) * 1.5 for key, service in self.swarm.services.items()
        }

    async def measure(self, cost: Cost) -> None:
        """A cycle, then the anchors."""
        applied, spent = self.swarm.applied, self.spent.seconds
        begun = time.process_time()
        await self.cycle()
        cost.cycle.append(time.process_time() - begun)
        cost.stand_ins.append(self.spent.seconds - spent)
        cost.actions += self.swarm.applied - applied
        cost.parse.append(_timed(json.loads(text) for text in self._documents()))
        read = (translate.service(json.loads(text)) for text in self._documents())
        cost.read.append(_timed(read))

    def _documents(self) -> Iterable[str]:
        count = len(self.swarm.services)
        return (self._raw[number % len(self._raw)] for number in range(count))

    async def hold(self, cost: Cost) -> None:
        """A cycle beside a task that wants the loop at every turn."""
        async with _watched() as watch:
            await self.cycle()
        cost.hold.append(watch.longest)


def _timed(work: Iterable[object]) -> float:
    begun = time.process_time()
    for _ in work:
        pass
    return time.process_time() - begun


class _Watch:
    """CPU seconds between turns of the loop: what other processes take is no hold of ours."""

    longest = 0.0

    async def run(self) -> None:
        """For ever. While the loop has nothing to do there are millions of turns: none is kept."""
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, time.thread_time() - before)


@contextlib.asynccontextmanager
async def _watched() -> AsyncIterator[_Watch]:
    watch = _Watch()
    task = asyncio.create_task(watch.run())
    yield watch
    task.cancel()


def memory(name: str = "VmRSS") -> float:
    """MiB that this process has in use; `VmHWM` is the most that it ever had."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def run(count: int, policies: fleet.Policies, cycles: int) -> Result:
    """Measure one fleet."""
    result = Result(count, policies, {"imports": memory()})
    with tempfile.TemporaryDirectory() as directory:
        store = await SqliteStore.open(Path(directory) / "store.db", deadline=600.0)
        bench = Bench(count, policies, store)
        result.memory["fleet"] = memory()
        try:
            await _steady(bench, result, cycles)
            await _storms(bench, result)
        finally:
            await store.close()
    result.memory["peak"] = memory("VmHWM")
    return result


async def _steady(bench: Bench, result: Result, cycles: int) -> None:
    for _ in range(WARM_UP):
        await bench.cycle()
    # As the controller does after its first cycle.
    garbage.settle()
    for _ in range(cycles):
        bench.move()
        await bench.measure(result.steady)
    result.memory["steady"] = memory()
    for _ in range(STORMS):
        bench.move()
        await bench.hold(result.steady)


async def _storms(bench: Bench, result: Result) -> None:
    for _ in range(STORMS):
        bench.storm()
        await bench.measure(result.storm)
    result.memory["storm"] = memory()
    result.memory["storm peak"] = memory("VmHWM")
    result.tasks = sum(len(tasks) for tasks in bench.swarm.tasks.values())
    for _ in range(STORMS):
        bench.storm()
        await bench.hold(result.storm)
