"""The cluster's objects and their versions."""

from __future__ import annotations

import copy
import heapq
import random
from collections.abc import Callable, Iterator, Mapping

from autoscaler.testing.engine.journal import Journal
from autoscaler.testing.engine.objects import (
    ENDED,
    UNPLACED,
    Document,
    EngineConfig,
    EngineNetwork,
    EngineNode,
    EngineService,
    EngineTask,
    Meta,
)
from autoscaler.testing.engine.programs import Behaviour, Pace, Program
from autoscaler.testing.engine.restarts import Restarts

_COMMANDS = {
    "false": Program(Behaviour.FAILS),
    "/missing": Program(Behaviour.FAILS),
    "true": Program(Behaviour.EXITS),
}
_NOT_BEFORE = 1000
"""Nanoseconds by which a time in seconds may miss: floats are that coarse nowadays."""
_RUNS = Program(Behaviour.RUNS)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Cluster:
    """All state. Every change of an object goes through `touch`, which moves its version."""

    def __init__(
        self,
        clock: Callable[[], float],
        seed: int,
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        """`elapsed` is what is waited by, if `clock` may be set; both in seconds."""
        self._clock = clock
        self._elapsed = elapsed or clock
        self.random = random.Random(seed)
        self.index = 10
        """The version of the object that was written last."""
        self._last = 0
        self.services: dict[str, EngineService] = {}
        self.tasks: dict[str, EngineTask] = {}
        self._by_service: dict[str, dict[str, EngineTask]] = {}
        self.nodes: dict[str, EngineNode] = {}
        self.networks: dict[str, EngineNetwork] = {}
        self.configs: dict[str, EngineConfig] = {}
        self.secrets: dict[str, str] = {}
        """Their names by id."""
        self.waiting: dict[str, EngineTask] = {}
        """Tasks without an address or a node, the first that came first."""
        self.restless: dict[str, None] = {}
        """Services to look at in the next step; of the others nothing changes by itself."""
        self._timers: list[tuple[int, str]] = []
        self.restarts: dict[tuple[str, int | str], Restarts] = {}
        """What the leader remembers of restarts, in memory only, by service and place."""
        self.pace = Pace()
        """How long containers take."""
        self.images: dict[str, Program] = {}
        """What containers of an image do; they run unless stated."""
        self.retention = 5
        """Ended tasks that are kept per slot."""
        self.here = ""
        """The node whose engine is asked: container events are its own only."""
        self.journal = Journal(self.now)

    def now(self) -> int:
        """Nanoseconds; never twice the same, even while the clock stands still."""
        self._last = max(int(self._clock() * 1e9), self._last + 1)
        return self._last

    @property
    def clock(self) -> int:
        """Nanoseconds that have elapsed; to look does not make time pass."""
        return int(self._elapsed() * 1e9)

    def stir(self, service_id: str) -> None:
        """Something changed about a service or its tasks."""
        self.restless[service_id] = None

    def stir_all(self) -> None:
        """Something changed that concerns every service: a node, or who leads."""
        self.restless.update(dict.fromkeys(self._by_service))
        self.restless.update(dict.fromkeys(self.services))

    def wake(self, service_id: str, at: int) -> None:
        """Look at a service again at a time (nanoseconds)."""
        heapq.heappush(self._timers, (at, service_id))

    @property
    def next_at(self) -> float | None:
        """When something happens by itself next, in elapsed seconds; None if nothing does."""
        if self.restless:
            return self.clock / 1e9
        return (self._timers[0][0] + _NOT_BEFORE) / 1e9 if self._timers else None

    def take_restless(self) -> list[str]:
        """The services whose time has come, those that were stirred first in front."""
        while self._timers and self._timers[0][0] <= self.clock:
            self.stir(heapq.heappop(self._timers)[1])
        taken = list(self.restless)
        self.restless.clear()
        return taken

    def new_id(self) -> str:
        """An identity as SwarmKit makes them: 25 digits in base 36."""
        return "".join(self.random.choices(_DIGITS, k=25))

    def touch(self, thing: Meta) -> None:
        """A write: the version is the log's index, so it moves by more than one at times."""
        self.index += 1
        thing.index = self.index
        thing.updated = self.now()
        thing.created = thing.created or thing.updated
        if isinstance(thing, EngineTask):
            self.stir(thing.service_id)
        elif isinstance(thing, EngineService):
            self.stir(thing.id)
        elif isinstance(thing, EngineNode):
            self.stir_all()

    def set_state(self, task: EngineTask, state: str, message: str, error: str = "") -> None:
        """Move a task on."""
        self.touch(task)
        task.state, task.since = state, task.updated
        task.message, task.error = message, error
        if state in UNPLACED:
            self.waiting[task.id] = task
        else:
            self.waiting.pop(task.id, None)

    def set_desired(self, task: EngineTask, desired: str) -> None:
        """Say what shall become of a task."""
        if task.desired != desired:
            self.touch(task)
            task.desired = desired

    def write_service(self, service: EngineService, changed: Callable[[], None]) -> None:
        """Change a service, move its version and tell of it."""
        before = copy.copy(service)
        changed()
        self.touch(service)
        self.journal.tell(
            "service", "update", service.id, _differences(before, service), swarm=True
        )

    def tasks_of(self, service_id: str) -> Iterator[EngineTask]:
        """Its tasks, the ended ones too."""
        return iter(list(self._by_service.get(service_id, {}).values()))

    def add_task(self, task: EngineTask) -> None:
        """Take a new task in."""
        self.touch(task)
        task.since = task.updated
        self.tasks[task.id] = self.waiting[task.id] = task
        self._by_service.setdefault(task.service_id, {})[task.id] = task

    def new_task(self, service: EngineService, slot: int, node: str = "") -> EngineTask:
        """A task of the service as it is specified now."""
        task = EngineTask(
            id=self.new_id(),
            service_id=service.id,
            service_name=service.name,
            slot=slot,
            node_id=node,
            spec=service.task_spec,
            spec_version=service.spec_version,
            iteration=service.iteration,
        )
        self.add_task(task)
        return task

    def drop_task(self, task: EngineTask) -> None:
        """Forget a task."""
        self.stir(task.service_id)
        if task.service_id in self.services and task.state not in ENDED:
            self.services[task.service_id].reconciled = 0
        self.waiting.pop(task.id, None)
        del self.tasks[task.id]
        del self._by_service[task.service_id][task.id]
        if not self._by_service[task.service_id]:
            del self._by_service[task.service_id]

    def program(self, template: Mapping[str, Document]) -> Program:
        """What a container of the template will do, by its command or else its image."""
        command = (template.get("ContainerSpec", {}).get("Command") or [""])[0]
        return _COMMANDS.get(command) or self.images.get(image_of(template), _RUNS)


def image_of(template: Mapping[str, Document]) -> str:
    """The image; empty for runtimes without."""
    return str(template.get("ContainerSpec", {}).get("Image", ""))


def _differences(before: EngineService, after: EngineService) -> dict[str, str]:
    """An update event's attributes, by which a reader tells its own writes from others'."""
    told = {"name": after.name}
    old, new = image_of(before.template), image_of(after.template)
    if old != new:
        told |= {"image.old": old, "image.new": new}
    if after.mode == "Replicated" and before.replicas != after.replicas:
        told |= {"replicas.old": str(before.replicas), "replicas.new": str(after.replicas)}
    if after.rollout and before.rollout != after.rollout:
        told["updatestate.new"] = after.rollout
        if before.rollout:
            told["updatestate.old"] = before.rollout
    return told
