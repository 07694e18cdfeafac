"""What a seed stands for: a cluster, its policies, its load, and all that will happen to it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.pace import DENSE, Pace

REPAIR = 600.0
"""Seconds after the last fault in which the product may take bad releases back by itself."""
STUCK = "Stuck"
"""The alert that there is."""
GOOD, MISSING, CRASHING = "shop:good", "shop:missing", "shop:crashing"


@dataclass(frozen=True)
class Load:
    """How much is asked of a service over time, as a share of its largest."""

    kind: str
    largest: float
    period: float
    phase: float
    levels: tuple[float, ...]

    def at(self, seconds: float) -> float:
        """In requests per second."""
        return round(self.largest * self._share(seconds), 3)

    def _share(self, seconds: float) -> float:
        turn = (seconds + self.phase) / self.period
        level = self.levels[int(turn) % len(self.levels)]
        if self.kind == "day":
            return 0.5 + 0.45 * math.sin(2 * math.pi * turn)
        if self.kind == "burst":
            return level if turn % 1.0 < 0.15 else 0.2
        if self.kind == "zero":
            return level if turn % 1.0 < 0.5 else 0.0
        return level if self.kind == "steps" else self.levels[0]


@dataclass(frozen=True)
class Workload:
    """A service, and what its policy says."""

    name: str
    min: int
    max: int
    start: int
    target: float
    """Requests per second that each replica shall carry."""
    load: Load
    joined: bool
    """Whether it is asked about together with others, by a label."""
    stabilization: float
    cooldown_up: float
    cooldown_down: float
    manual: float
    heals: bool
    on_failure: str
    """What Swarm does about an update that fails."""
    parallelism: int
    min_available: int
    alerted: bool
    """Whether it is restarted while an alert about it fires."""
    ages: bool
    """Whether its tasks are replaced once they are old."""

    @property
    def query(self) -> str:
        """What Prometheus is asked."""
        return "sum by (service) (load)" if self.joined else f"load_{self.name}"

    def needed(self, load: float) -> int:
        """Replicas for a load, within the bounds."""
        needed = math.ceil(round(load / self.target, 6))
        return max(self.min, min(self.max, needed))

    def fits(self, replicas: int, load: float) -> bool:
        """Whether so many are right: as many as are needed, or off by a tenth of the load."""
        if replicas == self.needed(load):
            return True
        if not self.min <= replicas <= self.max or replicas == 0:
            return False
        return abs(load / (replicas * self.target) - 1) <= 0.1 + 1e-6

    def policy(self) -> dict[str, Any]:
        """As a person writes it."""
        asked = {"query": self.query, **({"match": "service"} if self.joined else {})}
        document: dict[str, Any] = {
            "name": f"for-{self.name}",
            "services": [self.name],
            "scale": {
                "min": self.min,
                "max": self.max,
                "metrics": [{"name": "load", **asked, "target": {"average_value": self.target}}],
                "behavior": {"scale_down": {"stabilization": _s(self.stabilization)}},
                "cooldown": {
                    "up": _s(self.cooldown_up),
                    "down": _s(self.cooldown_down),
                    "manual": _s(self.manual),
                },
            },
            "disruption": {"min_available": self.min_available},
            "release": {"bake": "2m"},
        }
        if self.heals:
            document["heal"] = [
                {"rule": "crash_loop", "failures": 3, "within": "5m", "then": "rollback"},
                {"rule": "stuck_update", "deadline": "5m", "then": "rollback"},
                {"rule": "image_missing", "then": "rollback"},
            ]
        if self.alerted:
            stuck = {"rule": "alert", "source": "alertmanager", "match": {"alertname": STUCK}}
            cure = {**stuck, "service_label": "service", "then": "restart"}
            document.setdefault("heal", []).append(cure)
        if self.ages:
            ageing = {"rule": "max_age", "older_than": "20m", "then": "restart"}
            document.setdefault("heal", []).append(ageing)
            document["disruption"]["well_after"] = "5m"
        return document


def _s(seconds: float) -> str:
    return f"{seconds:g}s"


@dataclass(frozen=True)
class Happening:
    """Something that is done at a time, to a service or to the whole."""

    at: float
    """Seconds from the start."""
    kind: str
    """The name of a fault, or of something that people do."""
    service: str = ""
    seconds: float = 0.0
    """How long it lasts."""
    number: int = 0


@dataclass(frozen=True)
class Plan:
    """All of it, as a value."""

    seed: int
    interval: float
    seconds: float
    """When the last of it is over; then all must come to rest."""
    nodes: int
    workloads: tuple[Workload, ...]
    happenings: tuple[Happening, ...] = field(default=())
    silence: float = 60.0
    """Seconds without an event after which the product opens the stream anew."""
    pace: Pace = DENSE

    def without(self, happenings: Sequence[Happening]) -> Plan:
        """The same, where these do not happen."""
        kept = tuple(each for each in self.happenings if each not in happenings)
        return replace(self, happenings=kept)

    def without_service(self, name: str) -> Plan:
        """The same without a service, and what happens to it."""
        workloads = tuple(each for each in self.workloads if each.name != name)
        kept = tuple(each for each in self.happenings if each.service != name)
        return replace(self, workloads=workloads, happenings=kept)


def draw(seed: int, faults: Sequence[str], hours: float | None = None, pace: Pace = DENSE) -> Plan:
    """The plan that a seed stands for. `faults` are the names of those there are."""
    rng = random.Random(f"plan {seed}")
    seconds = 3600.0 * (hours or rng.choice(pace.hours))
    count = rng.choice(pace.services)
    workloads = tuple(_workload(rng, f"web{n}", pace) for n in range(count))
    interval = rng.choice(pace.intervals)
    plan = Plan(seed, interval, seconds, rng.randint(1, 5), workloads, pace=pace)
    restless = _restless(rng, math.ceil(seconds / 3600.0), pace.restless)
    drawn = [*_deeds(rng, plan), *_faults(rng, plan, faults)]
    happenings = [each for each in drawn if each.at // 3600.0 in restless]
    if pace.mended is not None:
        happenings += _mended(rng, plan, happenings, pace.mended)
    ordered = tuple(sorted(happenings, key=lambda each: each.at))
    return replace(plan, happenings=ordered, silence=rng.choice([60.0, 300.0, 300.0]))


def _restless(rng: random.Random, hours: int, share: float) -> Sequence[int]:
    """The hours in which something happens, by number: at least the last one."""
    if share >= 1.0:
        return range(hours)
    return [hour for hour in range(hours) if rng.random() < share] or [hours - 1]


def _workload(rng: random.Random, name: str, pace: Pace) -> Workload:
    low, high = rng.choice([0, 1, 1, 2, 3]), rng.randint(4, 12)
    target = rng.choice([10.0, 50.0, 100.0])
    load = Load(
        kind=rng.choice(["steady", "day", "steps", "burst", "zero"]),
        largest=target * high * rng.uniform(0.3, 1.2),
        period=rng.choice(pace.periods),
        phase=rng.uniform(0.0, max(pace.periods)),
        levels=tuple(rng.uniform(0.1, 1.0) for _ in range(7)),
    )
    return Workload(
        name=name,
        min=low,
        max=high,
        start=rng.randint(max(1, low), high),
        target=target,
        load=load,
        joined=rng.random() < 0.8,
        stabilization=rng.choice([0.0, 60.0, 180.0, 300.0]),
        cooldown_up=rng.choice([0.0, 0.0, 30.0, 60.0]),
        cooldown_down=rng.choice([0.0, 60.0, 120.0, 300.0]),
        manual=rng.choice([60.0, 120.0, 300.0]),
        heals=rng.random() < 0.6,
        on_failure=rng.choice(["pause", "pause", "continue", "rollback"]),
        parallelism=rng.choice([1, 1, 2, 3]),
        min_available=rng.choice([0, 0, min(1, low), low]),
        alerted=rng.random() < 0.4,
        ages=rng.random() < pace.ageing,
    )


DEEDS = ("deploy good", "deploy bad", "deploy crashing", "scale", "recreate", "pause", "alert")
"""What people do, and alerts, which come as unasked."""
LASTING = ("pause", "alert")


def _deeds(rng: random.Random, plan: Plan) -> list[Happening]:
    found = []
    for at in _moments(rng, plan, every=1200.0):
        kind = rng.choice([*DEEDS, "deploy good", "scale"])
        name = rng.choice(plan.workloads).name
        seconds = min(rng.uniform(60.0, 900.0), plan.seconds - at) if kind in LASTING else 0.0
        found.append(Happening(at, kind, name, seconds, rng.randint(1, 12)))
    return found


def _mended(
    rng: random.Random, plan: Plan, happenings: Sequence[Happening], within: tuple[float, float]
) -> list[Happening]:
    """What people do about what they have deployed: a crash loop of hours shows nothing new."""
    bad = [each for each in happenings if each.kind in ("deploy bad", "deploy crashing")]
    times = [(round(each.at + rng.uniform(*within), 3), each.service) for each in bad]
    return [Happening(at, "deploy good", name) for at, name in times if at < plan.seconds]


def _faults(rng: random.Random, plan: Plan, faults: Sequence[str]) -> list[Happening]:
    found = []
    for at in _moments(rng, plan, every=600.0) if faults else ():
        seconds = min(rng.choice([5.0, 30.0, 90.0, 300.0]), plan.seconds - at)
        found.append(Happening(at, rng.choice(faults), seconds=seconds))
    return found


def _moments(rng: random.Random, plan: Plan, every: float) -> list[float]:
    """As they come by chance, so many seconds apart on average."""
    found, at = [], rng.expovariate(1 / every)
    while at < plan.seconds:
        found.append(round(at, 3))
        at += rng.expovariate(1 / every)
    return found
