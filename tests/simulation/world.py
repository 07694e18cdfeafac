"""What is simulated: a cluster, what watches it, and the product among them."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiohttp

from autoscaler.app import Parts
from autoscaler.settings import Settings
from autoscaler.testing.alertmanager import Pair, Route
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine import Behaviour
from autoscaler.testing.engine.faults import Request
from autoscaler.testing.engine.objects import EngineService
from autoscaler.testing.network import SPEAKER, Network
from tests.simulation.disk import Disk
from tests.simulation.plan import CRASHING, GOOD, MISSING, Plan, Workload
from tests.simulation.process import HOST, Product
from tests.simulation.prometheus import Prometheus
from tests.simulation.swarm import SimulatedSwarm

START = 1_700_000_000.0
TOKEN = "the-token-of-people"
ALERTING = "the-token-of-alertmanagers"
REMEMBERED = 200
"""Lines of the history that are shown when it goes wrong."""


@dataclass(frozen=True)
class Wrong:
    """Something that must never be."""

    at: float
    invariant: str
    told: str


class WallClock(ManualClock):
    """Unix seconds that pass as the loop's do; it can be set, as clocks are."""

    def __init__(self, now: float) -> None:
        self.jumps = 0
        """How often it was set."""
        super().__init__(now)

    def __setattr__(self, name: str, value: float) -> None:
        if name == "now":
            self.jumps += 1
        super().__setattr__(name, value)

    def __call__(self) -> float:
        return self.now + asyncio.get_running_loop().time()


class World:
    """All of it, but for what is inside of the product."""

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        tell: Callable[[str], None] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """`tell` hears of each line of the history; `settings` are more of the product's."""
        self.plan = plan
        self._token = directory / "token"
        self.rng = random.Random(f"world {plan.seed}")
        self.clock = WallClock(START)
        self.network = Network(lambda: self.rng.uniform(0.0005, 0.01))
        self.swarm = SimulatedSwarm(self.clock, self.rng, self.network)
        scrapes = [each for each in plan.pace.scrapes if each <= plan.interval]
        self.prometheus = Prometheus(self.clock, self.rng, scrapes)
        self._alerting = directory / "alerting"
        route = Route(f"http://{HOST}/api/v1/alertmanager", token=ALERTING)
        alerted = random.Random(f"alerts {plan.seed}")
        self.alertmanagers = Pair(route, self.clock, self.network, alerted)
        self.alerts: dict[str, list[float]] = defaultdict(list)
        """When alerts began to fire, by the service that they are about."""
        self.disk = Disk(directory / "store.db")
        self.services = {each.name: each for each in plan.workloads}
        self.told: dict[str, Workload] = {}
        """Services about which the product is told something else than what it is judged by."""
        self.policies = directory / "policies"
        self.alter: Callable[[Parts], Parts] = lambda parts: parts
        """Makes another product of the parts of the real one: to see that it would be noticed."""
        self.product = Product(self, self._settings(settings or {}))
        self.at_fault: set[str] = set()
        self.pauses: dict[str, tuple[float, float]] = {}
        """From when to when each service is paused, by the clock."""
        self.wrongs: list[Wrong] = []
        self.history: deque[str] = deque(maxlen=REMEMBERED)
        self._digest = hashlib.sha256()
        self._aloud = tell
        self._tasks: dict[str, dict[asyncio.Task[Any], None]] = {}
        self._of_the_dead: WeakSet[Any] = WeakSet()
        self._group: asyncio.TaskGroup | None = None
        self._load_ends = plan.seconds
        self.swarm.on_request = self._asked

    # Time and what is remembered of it.

    @property
    def now(self) -> float:
        """Seconds since the start, whatever clocks say."""
        return asyncio.get_running_loop().time()

    def tell(self, what: str, *details: object) -> None:
        """One line of the history; two runs of a seed have the same."""
        line = self.note(what, *details)
        self.history.append(line)
        if self._aloud is not None:
            self._aloud(line)

    def note(self, what: str, *details: object) -> str:
        """What counts for the digest and is not worth a line."""
        line = f"{self.now:.6f} {what} {' '.join(map(str, details))}"
        self._digest.update(line.encode())
        return line

    async def order(self, **order: Any) -> bool:
        """What a person orders over the product's API; whether it was taken."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        within = aiohttp.ClientTimeout(total=10.0)
        async with aiohttp.ClientSession(
            connector=self.network.connector("people"), headers=headers, timeout=within
        ) as session:
            try:
                async with session.post(f"http://{HOST}/api/v1/orders", json=order) as answer:
                    return answer.status < 300
            except (aiohttp.ClientError, OSError, TimeoutError):
                return False

    def paused(self, service: str, seconds: float) -> None:
        """The product has been told to leave a service alone, and has said that it will."""
        self.pauses[service] = (self.clock(), self.clock() + seconds)
        self.tell("paused", service, f"{seconds:.0f} s")

    @property
    def digest(self) -> str:
        """Of all that has happened."""
        return self._digest.hexdigest()

    def wrong(self, invariant: str, told: str) -> None:
        """An invariant does not hold."""
        self.tell("WRONG", invariant, told)
        self.wrongs.append(Wrong(self.now, invariant, told))

    def later(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        """Do something after a while."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await do()

        assert self._group is not None
        self._group.create_task(wait(), context=contextvars.copy_context())

    # What is there.

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Set all of it up, and start the product."""
        self._group = group
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._task)
        loop.set_exception_handler(self._unheard)
        for image, does in ((MISSING, Behaviour.MISSING), (CRASHING, Behaviour.FAILS)):
            self.swarm.image(image, does)
        for number in range(2, self.plan.nodes + 1):
            self.swarm.add_node(f"node{number}")
        for each in self.plan.workloads:
            self.create(each, each.start)
        self.prometheus.gauges["load"] = self._loads
        for name in self.services:
            self.prometheus.gauges[f"load_{name}"] = self._load_of(name)
        self._token.write_text(TOKEN)
        self._alerting.write_text(ALERTING)
        await self.alertmanagers.__aenter__()
        self.write_policies()
        await self.swarm.start()
        group.create_task(self.swarm.run(), name="swarm")
        await self.product.start()

    def create(self, workload: Workload, replicas: int) -> EngineService:
        """The service, as by `docker service create`."""
        update = {"Parallelism": workload.parallelism, "FailureAction": workload.on_failure}
        return self.swarm.create(workload.name, replicas, image=GOOD, UpdateConfig=update)

    def demand(self, name: str, at: float) -> float:
        """What is asked of a service at a time of the clock."""
        seconds = min(at - START, self._load_ends)
        return self.services[name].load.at(seconds)

    def write_policies(self) -> None:
        """All policies, in one file."""
        self.policies.mkdir(exist_ok=True)
        told = {**self.services, **self.told}
        document = {"version": 1, "policies": [each.policy() for each in told.values()]}
        (self.policies / "all.yaml").write_text(json.dumps(document))

    def born(self, speaker: str) -> None:
        """Its tasks are kept from now on."""
        self._tasks[speaker] = {}

    def died(self, speaker: str) -> list[asyncio.Task[Any]]:
        """Its tasks, in the order in which they began; no more of them count."""
        left = list(self._tasks.pop(speaker, ()))
        self._of_the_dead.update(left)
        return left

    def close(self) -> None:
        """The end of the world."""
        self.product.kill()

    def _asked(self, request: Request) -> None:
        self.note("asked", request.method, request.path, len(request.body))

    def _settings(self, more: Mapping[str, Any]) -> Settings:
        return Settings.model_validate(
            {
                "interval": f"{self.plan.interval:g}s",
                "policies": [str(self.policies)],
                "policies_in_cluster": False,
                "sources": {"prometheus": {}, "alertmanager": {}},
                "agents": {"here": False},
                "api": {
                    "tokens": {
                        "people": {"file": str(self._token), "scopes": ["operate"]},
                        "alerting": {"file": str(self._alerting), "scopes": ["alerts"]},
                    }
                },
                **more,
            }
        )

    def _loads(self, at: float) -> Mapping[str, float]:
        return {name: self.demand(name, at) for name in self.services}

    def _load_of(self, name: str) -> Callable[[float], Mapping[str, float]]:
        return lambda at: {name: self.demand(name, at)}

    def _task(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        speaker = SPEAKER.get() if context is None else context.get(SPEAKER, "")
        known = self._tasks.get(speaker)
        if known is not None:
            known[task] = None
            task.add_done_callback(lambda done: known.pop(done, None))
        return task

    def _unheard(self, loop: Any, context: Mapping[str, Any]) -> None:
        """What a process leaves behind that was killed is no finding."""
        error, task = context.get("exception"), context.get("task") or context.get("future")
        if error is not None and loop.is_running() and task not in self._of_the_dead:
            self.wrong("no error goes unheard", f"{context['message']}: {error!r}")
