"""What must always hold, and what must hold once all is quiet; by rules of their own.

Everything is judged by what the engine was sent and what the store's file holds. Nothing here
asks the product, or uses its code.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tests.simulation.plan import GOOD, Workload
from tests.simulation.swarm import Document, Write
from tests.simulation.world import World

SLACK = 0.001
BRAKE_PERIOD, BRAKE_SHARE, BRAKE_LEAST = 300.0, 0.1, 10
CYCLES = 3
"""So many cycles after the last of its windows everything is as it shall be."""

Template = Document


def replicas_of(spec: Document) -> int:
    """What a spec asks for."""
    return int(spec["Mode"]["Replicated"]["Replicas"])


def without_count(template: Template) -> Template:
    """A template, without what counts its restarts."""
    return {key: value for key, value in template.items() if key != "ForceUpdate"}


def kind_of(write: Write) -> str:
    """What a write does: `scale`, `restart` or `restore`; empty for anything else."""
    before, after = write.before, write.after
    rest = {**before, "Mode": 0, "TaskTemplate": 0} == {**after, "Mode": 0, "TaskTemplate": 0}
    if not rest:
        return ""
    same_mode = before["Mode"] == after["Mode"]
    old, new = before["TaskTemplate"], after["TaskTemplate"]
    if old == new:
        return "scale" if _only_replicas(before["Mode"], after["Mode"]) else ""
    if not same_mode or new.get("ForceUpdate", 0) < old.get("ForceUpdate", 0):
        return ""
    return "restart" if without_count(old) == without_count(new) else "restore"


def _only_replicas(before: Document, after: Document) -> bool:
    old, new = before.get("Replicated"), after.get("Replicated")
    if old is None or new is None or before.keys() != after.keys():
        return False
    return {**old, "Replicas": 0} == {**new, "Replicas": 0}


class Invariants:
    """Watches a world from the first moment on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.counts: Counter[str] = Counter()
        self._templates: dict[str, list[Template]] = {}
        self._scaled: dict[str, Write] = {}
        self._removed: list[tuple[float, int]] = []
        self._store: sqlite3.Connection | None = None
        self._checks: tuple[Callable[[Write, str], None], ...] = (
            self._only_what_is_meant,
            self._within_bounds,
            self._not_in_a_rollout,
            self._intent_before_act,
            self._cooldown,
            self._brake,
        )
        world.swarm.on_write = self.written

    def close(self) -> None:
        """Give the file back."""
        if self._store is not None:
            self._store.close()

    def written(self, write: Write) -> None:
        """The product has changed a service."""
        kind = kind_of(write)
        self._world.tell("write", write.service, kind, replicas_of(write.after), write.version)
        self.counts[kind or "strange"] += 1
        for check in self._checks:
            check(write, kind)
        if kind == "scale":
            self._scaled[write.service_id] = write

    def calm(self) -> None:
        """From now on nothing goes wrong, and nobody does anything."""
        for name in self._world.services:
            service = self._world.swarm.named(name)
            if service is not None and service.template["ContainerSpec"]["Image"] != GOOD:
                # What the product cannot take back, a person does.
                pass

    def settled(self) -> None:
        """All must be as it shall be by now."""
        for name, workload in self._world.services.items():
            told = self._unsettled(name, workload)
            if told:
                self._wrong("after the last fault the cluster settles as desired", name, told)

    def _unsettled(self, name: str, workload: Workload) -> str:
        world = self._world
        service = world.swarm.named(name)
        if service is None or service.template["ContainerSpec"]["Image"] != GOOD:
            return ""
        load = world.demand(name, world.clock())
        if not fits(service.replicas, load, workload):
            return f"{service.replicas} replicas for {load} of {workload.target} each"
        if world.swarm.running(service) != service.replicas:
            return f"{world.swarm.running(service)} of {service.replicas} replicas run"
        return ""

    # What must hold for each write.

    def _only_what_is_meant(self, write: Write, kind: str) -> None:
        if not kind:
            told = f"{json.dumps(write.before)} -> {json.dumps(write.after)}"
            self._wrong("nothing but the meant field changes", write.service, told)

    def _within_bounds(self, write: Write, kind: str) -> None:
        workload, after = self._world.services[write.service], replicas_of(write.after)
        if kind == "scale" and not workload.min <= after <= workload.max:
            told = f"{after} is not within {workload.min} and {workload.max}"
            self._wrong("replicas stay within their bounds", write.service, told)

    def _not_in_a_rollout(self, write: Write, kind: str) -> None:
        moving = write.rollout in ("updating", "paused", "rollback_started", "rollback_paused")
        if moving and kind != "restore":
            told = f"a {kind} while the update is {write.rollout}"
            self._wrong("nothing is written during an update", write.service, told)

    def _intent_before_act(self, write: Write, kind: str) -> None:
        intents = [each for each in self._open_intents() if each["service_id"] == write.service_id]
        if len(intents) > 1:
            told = f"{len(intents)} intents are open"
            self._wrong("a service has one action at a time", write.service, told)
        acts = {"scale": ("scale",), "restart": ("restart", "rebalance"), "restore": ("rollback",)}
        meant = any(
            each["kind"] in acts.get(kind, ())
            and (kind != "scale" or each["replicas"] == replicas_of(write.after))
            for each in intents
        )
        if not meant:
            told = f"the open intents are {intents}"
            self._wrong("an intent is stored before every act", write.service, told)

    def _cooldown(self, write: Write, kind: str) -> None:
        last = self._scaled.get(write.service_id)
        if kind != "scale" or last is None:
            return
        workload = self._world.services[write.service]
        before, after = replicas_of(write.before), replicas_of(write.after)
        forced = not workload.min <= before <= workload.max
        rest = workload.cooldown_up if after > before else workload.cooldown_down
        if not forced and write.at - last.at < rest - SLACK:
            told = f"{write.at - last.at:.1f} s after the last change, {rest:g} s are to pass"
            self._wrong("cooldowns are kept", write.service, told)

    def _brake(self, write: Write, kind: str) -> None:
        """Of all services together only so much is removed in five minutes."""
        gone = replicas_of(write.before) - replicas_of(write.after)
        if kind != "scale" or gone <= 0:
            return
        recent = [(at, n) for at, n in self._removed if at > write.at - BRAKE_PERIOD]
        self._removed = [*recent, (write.at, gone)]
        removed = sum(n for _, n in self._removed)
        # The fleet was never larger than what it is now and all that was removed since.
        fleet = sum(each.replicas for each in self._world.swarm.cluster.services.values())
        most = max(BRAKE_LEAST, int((fleet + removed) * BRAKE_SHARE))
        if removed > most:
            told = f"{removed} replicas removed within 5 minutes, {most} may be"
            self._wrong("the fleet's brake holds", write.service, told)

    def _open_intents(self) -> Iterable[Any]:
        if self._store is None:
            self._store = sqlite3.connect(self._world.disk.path, isolation_level=None)
        rows = self._store.execute("select intent from intents where outcome is null")
        return [json.loads(text)["action"] for (text,) in rows]

    def _wrong(self, invariant: str, service: str, told: str) -> None:
        self._world.wrong(invariant, f"{service}: {told}")


def fits(replicas: int, load: float, workload: Workload) -> bool:
    """Whether so many replicas are right: as many as are needed, or off by a tenth of the load."""
    needed = math.ceil(round(load / workload.target, 9))
    right = max(workload.min, min(workload.max, needed))
    if replicas == right:
        return True
    if not workload.min <= replicas <= workload.max or replicas == 0:
        return False
    return abs(load / (replicas * workload.target) - 1) <= 0.1 + 1e-9
