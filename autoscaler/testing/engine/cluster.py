"""The cluster's objects and their versions."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping

from autoscaler.testing.engine.journal import Journal
from autoscaler.testing.engine.objects import (
    Behaviour,
    Document,
    EngineConfig,
    EngineNetwork,
    EngineNode,
    EngineService,
    EngineTask,
    Meta,
)

_COMMANDS = {"false": Behaviour.FAILS, "/missing": Behaviour.FAILS, "true": Behaviour.EXITS}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Cluster:
    """All state. Every change of an object goes through `touch`, which moves its version."""

    def __init__(self, clock: Callable[[], float], seed: int) -> None:
        self._clock = clock
        self._random = random.Random(seed)
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
        self.images: dict[str, Behaviour] = {}
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

    def new_id(self) -> str:
        """An identity as SwarmKit makes them: 25 digits in base 36."""
        return "".join(self._random.choices(_DIGITS, k=25))

    def touch(self, thing: Meta) -> None:
        """A write: the version is the log's index, so it moves by more than one at times."""
        self.index += 1
        thing.index = self.index
        thing.updated = self.now()
        thing.created = thing.created or thing.updated

    def set_state(self, task: EngineTask, state: str, message: str, error: str = "") -> None:
        """Move a task on."""
        self.touch(task)
        task.state, task.since = state, task.updated
        task.message, task.error = message, error

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
        self.tasks[task.id] = task
        self._by_service.setdefault(task.service_id, {})[task.id] = task

    def drop_task(self, task: EngineTask) -> None:
        """Forget a task."""
        del self.tasks[task.id]
        del self._by_service[task.service_id][task.id]

    def behaviour(self, template: Mapping[str, Document]) -> Behaviour:
        """What a container of the template will do, by its command or else its image."""
        command = (template.get("ContainerSpec", {}).get("Command") or [""])[0]
        return _COMMANDS.get(command) or self.images.get(image_of(template), Behaviour.RUNS)


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
