"""A world in which a scene says what happens, and looks at what came of it."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autoscaler import ordering
from autoscaler.model import Order, OrderKind
from autoscaler.store import SqliteStore
from autoscaler.testing.engine.faults import Request
from autoscaler.testing.engine.objects import EngineService
from tests.simulation import rules
from tests.simulation.deeds import deploy
from tests.simulation.invariants import Invariants
from tests.simulation.loop import SimulatedLoop
from tests.simulation.plan import Load, Plan, Workload
from tests.simulation.swarm import Write
from tests.simulation.world import START, World

FOR_EVER = 1e9
QUIET = Load("steady", 0.0, FOR_EVER, 0.0, (1.0,))
AT_ONCE: dict[str, Any] = {
    "scale_up": {"policies": [{"replicas": 1000, "period": "15s"}]},
    "scale_down": {"stabilization": "0s"},
}
"""A `behavior:` in which nothing but the brakes slows a service down."""

ALWAYS = (
    rules.only_what_is_meant,
    rules.within_bounds,
    rules.not_in_a_rollout,
    rules.intent_before_act,
    rules.one_at_a_time,
    rules.heal_budget,
    rules.known_release,
)
"""What holds whatever a policy says."""


class Harm(AssertionError):
    """What must not happen has happened."""


@dataclass(frozen=True)
class Written(Workload):
    """A service whose policy is written out."""

    document: Mapping[str, Any] = field(default_factory=dict)

    def policy(self) -> dict[str, Any]:
        """As it is written."""
        return {"name": f"for-{self.name}", "services": [self.name], **self.document}


def load(name: str, **words: Any) -> dict[str, Any]:
    """A metric `load_NAME`, of which each replica shall carry 100."""
    return {"name": "load", "query": f"load_{name}", "target": {"average_value": 100}, **words}


class Stage:
    """What a scene is played on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._cast: dict[str, Written] = {}
        self._told: dict[str, float] = {}
        self._group = asyncio.TaskGroup()
        self.world: World
        self.writes: list[Write] = []
        """What the product has written since the beginning."""
        self.asked = 0
        """Requests that the engine was sent since the beginning."""

    # Before it begins.

    def service(
        self,
        name: str,
        replicas: int,
        *,
        heal: Sequence[Mapping[str, Any]] = (),
        policy: Mapping[str, Any] | None = None,
        on_failure: str = "pause",
        **scale: Any,
    ) -> None:
        """A service and its policy; keywords are keys of `scale:`.

        By `load_NAME` it needs what it has, and follows it at once. `on_failure` is what Swarm
        does about an update that fails.
        """
        scaling = {"min": 1, "max": 100, "metrics": [load(name)], "behavior": AT_ONCE, **scale}
        document = {"scale": scaling, "heal": list(heal), **(policy or {})}
        written = _workload(name, replicas, scaling, document)
        self._cast[name] = replace(written, on_failure=on_failure)
        self.tell(f"load_{name}", 100.0 * replicas)

    async def begin(self, nodes: int = 3, at: float = START, **settings: Any) -> None:
        """Start the cluster and the product, and let it look around for a few minutes.

        `at` is the time that the clock shows then, in Unix seconds.
        """
        plan = Plan(1, 15.0, FOR_EVER, nodes, tuple(self._cast.values()))
        self.world = World(plan, self._directory, settings=settings)
        self.world.clock.now = at
        await self._group.__aenter__()
        await self.world.open(self._group)
        self._invariants = Invariants(self.world, ALWAYS)
        self.world.swarm.on_write = self._written
        self.world.swarm.on_request = self._heard
        for metric in self._told:
            self._scrape(metric)
        await self.wait(360)
        assert self.world.product.lives == 1, list(self.world.history)[-3:]
        assert not self.writes, "all services have what they need"

    async def end(self) -> Sequence[str]:
        """Nothing runs any more; answer what was wrong that never may be."""
        wrongs = [f"{each.invariant}: {each.told}" for each in self.world.wrongs]
        self.world.close()
        self._invariants.close()
        await asyncio.sleep(0.1)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        return wrongs

    # What happens.

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def tell(self, metric: str, value: float) -> None:
        """What is measured from now on."""
        known = metric in self._told
        self._told[metric] = value
        if not known and hasattr(self, "world"):
            self._scrape(metric)

    def tell_all(self, value: float) -> None:
        """The load of every service from now on."""
        for name in self._cast:
            self.tell(f"load_{name}", value)

    def _scrape(self, metric: str) -> None:
        self.world.prometheus.gauges[metric] = lambda _: {metric: self._told[metric]}

    def rewrite(self, name: str, **policy: Any) -> None:
        """Another policy, which is read at once."""
        before = self._cast[name]
        document = {**before.document, **policy}
        after = _workload(name, before.start, document["scale"], document)
        self._cast[name] = self.world.services[name] = after
        self.world.write_policies()
        self.world.product.reload()

    async def order(self, kind: OrderKind, service: str = "") -> None:
        """What a person orders by the command line."""
        store = await self._store()
        order = Order(kind=kind, service=service, at=self.world.clock(), actor="ann")
        await ordering.give(store, order)
        await store.close()

    async def resume(self, service: str = "") -> None:
        """The end of a pause."""
        store = await self._store()
        await store.withdraw(OrderKind.PAUSE, service)
        await store.close()

    async def _store(self) -> SqliteStore:
        disk = self.world.disk
        return await SqliteStore.open(disk.path, thread=lambda: disk.thread(lambda: True))

    def deploy(self, name: str, image: str) -> None:
        """Another release."""
        deploy(self.world, self.engine(name), image, self.world.now)

    # What there is to see.

    def engine(self, name: str) -> EngineService:
        """The service as the engine has it."""
        service = self.world.swarm.named(name)
        assert service is not None, f"{name} is gone"
        return service

    def replicas(self, name: str) -> int:
        """What its spec asks for."""
        return self.engine(name).replicas

    def total(self) -> int:
        """What all specs ask for."""
        return sum(self.replicas(name) for name in self._cast)

    def removed(self) -> int:
        """Replicas that the product has taken away since the beginning."""
        steps = (each.replicas_before - each.replicas_after for each in self.writes)
        return sum(step for step in steps if step > 0)

    def heals(self) -> list[Write]:
        """What the product has written that is no scale."""
        templates = ((each, each.before["TaskTemplate"]) for each in self.writes)
        return [each for each, before in templates if each.after["TaskTemplate"] != before]

    def must(self, holds: bool, lesson: str) -> None:
        """Raise Harm unless it holds."""
        if not holds:
            raise Harm(f"{lesson}; it wrote {[_words(each) for each in self.writes]}")

    def _heard(self, _request: Request) -> None:
        self.asked += 1

    def _written(self, write: Write) -> None:
        self.writes.append(write)
        self._invariants.written(write)


def _words(write: Write) -> str:
    return f"{write.service} {write.replicas_before} -> {write.replicas_after}"


def _workload(
    name: str, replicas: int, scaling: Mapping[str, Any], document: Mapping[str, Any]
) -> Written:
    return Written(
        name=name,
        min=scaling["min"],
        max=scaling["max"],
        start=replicas,
        target=100.0,
        load=QUIET,
        joined=False,
        stabilization=0.0,
        cooldown_up=0.0,
        cooldown_down=0.0,
        manual=300.0,
        heals=bool(document["heal"]),
        on_failure="pause",
        parallelism=1,
        min_available=0,
        ages=False,
        alerted=False,
        document=json.loads(json.dumps(document)),
    )


Scene = Callable[[Stage, bool], Awaitable[None]]
"""Played with its brake on, or off."""


def perform(scene: Scene, *, braked: bool = True) -> None:
    """Play a scene from beginning to end. Raises Harm."""
    random.seed(1)
    with (
        tempfile.TemporaryDirectory() as directory,
        asyncio.Runner(loop_factory=SimulatedLoop) as runner,
    ):
        runner.run(_performed(scene, Path(directory), braked=braked))


def harm(scene: Scene, *, braked: bool = True) -> str:
    """The harm that is done in a scene; empty for none."""
    try:
        perform(scene, braked=braked)
    except Harm as done:
        return str(done).partition(";")[0]
    return ""


async def _performed(scene: Scene, directory: Path, *, braked: bool) -> None:
    stage = Stage(directory)
    try:
        await scene(stage, braked)
    except BaseException:
        if hasattr(stage, "world"):
            await stage.end()
        raise
    wrongs = await stage.end()
    assert not wrongs, wrongs
