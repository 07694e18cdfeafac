"""What must always hold, and what must hold once all is quiet; by rules of their own.

Everything is judged by what the engine was sent and what the store's file holds. Nothing here
asks the product, or uses its code. The rules for single writes are in `rules.py`.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation import deeds
from tests.simulation.answers import Answers
from tests.simulation.plan import GOOD, Workload
from tests.simulation.rules import BRAKE_LEAST, BRAKE_PERIOD, MOVING, RULES, Rule, Seen, kind_of
from tests.simulation.swarm import Document, Write
from tests.simulation.world import World

CYCLES = 3
"""So many cycles after the last of its windows everything is as it shall be."""
ROLLOUT = 300.0
"""Seconds in which any rollout has ended."""
REPAIRED = "repaired"


def replicas_of(spec: Document) -> int:
    """What a spec asks for."""
    return int(spec["Mode"]["Replicated"]["Replicas"])


class Invariants:
    """Watches a world from the first moment on."""

    def __init__(self, world: World, rules: Sequence[Rule] = RULES) -> None:
        """`rules` are those that each write is judged by."""
        self._world = world
        self._rules = rules
        self._seen = Seen(world, Answers(world))
        self._store: sqlite3.Connection | None = None
        self._file = 0
        self._restarted: dict[str, float] = {}
        """When each service was restarted last, which may be so at any time."""
        self.counts: Counter[str] = Counter()
        world.swarm.on_write = self.written
        world.disk.on_commit = self._committed

    def close(self) -> None:
        """Give the file back."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def written(self, write: Write) -> None:
        """The product has changed a service."""
        kind = kind_of(write)
        self._world.tell("write", write.service, kind, write.replicas_after, write.version)
        self.counts[kind or "strange"] += 1
        self._seen.intents = self._open_intents()
        for rule in self._rules:
            if told := rule(self._seen, write, kind):
                self._world.wrong(
                    f"{rule.__doc__}".partition("\n")[0], f"{write.service} ({kind}): {told}"
                )
        self._seen.note(write, kind)
        if kind == "restart":
            self._restarted[write.service] = self._world.now

    def repair(self) -> None:
        """What the product could not take back, a person mends."""
        for name in self._world.services:
            service = self._world.swarm.named(name)
            if service is not None and service.template["ContainerSpec"]["Image"] != GOOD:
                deeds.deploy(self._world, service, GOOD, REPAIRED)

    def rest(self) -> float:
        """Seconds from here until all must be as it shall be."""
        world = self._world
        slow = max(world.plan.interval, world.prometheus.scrape)
        windows = max(
            each.manual + each.stabilization + max(each.cooldown_up, each.cooldown_down)
            for each in world.services.values()
        )
        return windows + ROLLOUT + self._braked() + (3 + CYCLES) * slow

    def settled(self) -> None:
        """All must be as it shall be by now."""
        self._no_alert_fires()
        for name, workload in self._world.services.items():
            if told := self._unsettled(name, workload):
                kept = "After the last fault the cluster settles as desired."
                self._world.wrong(kept, f"{name}: {told}")

    def _no_alert_fires(self) -> None:
        """All have ended, and Alertmanager has told so until it was heard."""
        if self._store is None:
            return
        rows = self._store.execute("select alert from alerts")
        told = [json.loads(text) for (text,) in rows]
        firing = [each["labels"] for each in told if each["status"] == "firing"]
        if firing:
            self._world.wrong("What Alertmanager tells is heard in the end.", f"{firing} fire")

    def _braked(self) -> float:
        """Seconds that the brake needs for what is too much."""
        world, excess = self._world, 0
        for name, workload in world.services.items():
            service = world.swarm.named(name)
            right = workload.needed(world.demand(name, world.clock()))
            excess += max(0, service.replicas - right) if service is not None else 0
        return math.floor(excess / BRAKE_LEAST) * BRAKE_PERIOD

    def _unsettled(self, name: str, workload: Workload) -> str:
        world = self._world
        service = world.swarm.named(name)
        if service is None:
            return "it is gone"
        if self._world.now - self._restarted.get(name, -ROLLOUT) < ROLLOUT:
            return ""
        if service.rollout in MOVING or service.template["ContainerSpec"]["Image"] != GOOD:
            return f"its update is {service.rollout}"
        load = world.demand(name, world.clock())
        if not workload.fits(service.replicas, load):
            return f"{service.replicas} replicas for {load} of {workload.target} each"
        running = world.swarm.running(service)
        return "" if running == service.replicas else f"{running} of {service.replicas} run"

    def _committed(self) -> None:
        """Where the file is another one, all that was known to the product is lost."""
        self._world.note("commit")
        before, self._file = self._file, self._world.disk.path.stat().st_ino
        if before != self._file:
            self.close()
            self._store = sqlite3.connect(self._world.disk.path, isolation_level=None)
            self._seen.forget()

    def _open_intents(self) -> list[Mapping[str, Any]]:
        assert self._store is not None
        rows = self._store.execute("select intent from intents where outcome is null order by at")
        return [json.loads(text) for (text,) in rows]
