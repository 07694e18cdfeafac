"""Sequences of deploys, scales and rollbacks of one service, and what must come of them.

They are played through the engine's API, so that the engine model and a real engine can both
be played on. What is right is told here by rules of its own, not by the code under test:

* A release that runs stays. The newest one that had time to prove itself is what to go back to.
* A release that does not run is taken back once, whatever was scaled before, meanwhile and after.
* One that a person brings again after that is left to the person.
* The replicas are what the load asks for, whoever changed them.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.model import Action, Sample, Service, Template
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.builders import at_once, value
from autoscaler.testing.engine.bed import SwarmBed, eventually

RUNS = ["sleep", "100000"]
ENDS = ["false"]
PER_REPLICA = 10.0
MOST = 4


def policy(name: str, chance: random.Random, bake: str, deadline: str) -> dict[str, Any]:
    """The policy of one service, which rolls back at once."""
    back = {"then": "rollback", "cooldown": "0s"}
    metric = {"name": "load", "query": "load", "target": {"average_value": PER_REPLICA}}
    return {
        "name": name,
        "services": [name],
        "scale": {
            "min": 1,
            "max": MOST,
            "metrics": [metric],
            "behavior": at_once(),
            "cooldown": {"manual": "0s"},
            "recovery": 1,
        },
        "heal": [
            {"rule": "crash_loop", "failures": 2, "within": "5m", **back},
            {"rule": "stuck_update", "deadline": deadline, **back},
        ],
        "release": {"bake": bake, "during_update": chance.choice(["hold", "up"])},
        "disruption": {"backoff": "1s", "quarantine_after": 100},
    }


class Recorded(SwarmOrchestrator):
    """The adapter under test; each of its writes may change one thing only."""

    def __init__(self, host: str, bed: SwarmBed, token: Path | None = None) -> None:
        super().__init__(SwarmSettings(host=host, token_file=token))
        self._bed = bed
        self.taken_back: list[tuple[str, str]] = []
        """From which release to which one."""

    async def apply(self, action: Action) -> Service:
        before = await self._spec(action)
        service = await super().apply(action)
        after = await self._spec(action)
        assert after["TaskTemplate"] == before["TaskTemplate"]
        return service

    async def restore(self, action: Action, template: Template) -> Service:
        before = await self._spec(action)
        service = await super().restore(action, template)
        after = await self._spec(action)
        self.taken_back.append((release_of(before), release_of(after)))
        assert {**after, "TaskTemplate": 0} == {**before, "TaskTemplate": 0}
        return service

    async def _spec(self, action: Action) -> dict[str, Any]:
        document = await self._bed.read(action.service_id)
        return dict(document["Spec"])


def release_of(spec: dict[str, Any]) -> str:
    """The release that a spec names."""
    found: str = spec["TaskTemplate"]["ContainerSpec"]["Env"][0]
    return found.removeprefix("RELEASE=")


@dataclass
class Play:
    """One sequence: its people, its load, and what is right by now."""

    bed: SwarmBed
    swarm: Recorded
    service_id: str
    chance: random.Random
    moment: Callable[[], Awaitable[None]]
    """A little time passes; never enough to prove a release."""
    rest: Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
    """Time passes until all is done, and the release that is there has proved itself."""
    on_failure: str
    is_kept: Callable[[], bool] = lambda: False
    """Whether the release that is there has proved itself although there was no rest."""
    load: float = 20.0
    came: str = "good0"
    left_to_a_person: bool = False
    proved: list[str] = field(default_factory=list)
    deployed: int = 0
    told: list[str] = field(default_factory=list)

    def answer(self, query: str, service: str) -> Sample:
        """The load, as the source tells it."""
        return value(self.load)

    @property
    def replicas(self) -> int:
        """What the load asks for."""
        return max(1, min(MOST, math.ceil(self.load / PER_REPLICA)))

    async def all_of_it(self, count: int) -> None:
        """The whole sequence, looked at whenever there was time."""
        await self.rest(self.is_right)
        await self.check()
        acts = [self.deploy_good, self.deploy_bad, self.deploy_bad, self.change_load]
        acts += [self.roll_back, self.change_load, self.redeploy_bad, self.scale]
        for _ in range(count):
            if self.is_kept():
                self.has_proved((await self.state())[0])
            await self.chance.choice(acts)()
            if self.chance.random() < 0.6:
                await self.moment()
                continue
            await self.rest(self.is_right)
            await self.check()
        await self.rest(self.is_right)
        await self.check()

    async def deploy_good(self) -> None:
        await self.deploy(f"good{self.next()}", RUNS)

    async def deploy_bad(self) -> None:
        await self.deploy(f"bad{self.next()}", ENDS)

    async def redeploy_bad(self) -> None:
        """Somebody insists on a release that was taken back already."""
        if self.swarm.taken_back:
            release, _ = self.chance.choice(self.swarm.taken_back)
            await self.deploy(release, ENDS)

    def next(self) -> int:
        self.deployed += 1
        return self.deployed

    async def deploy(self, release: str, command: list[str]) -> None:
        def change(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["ContainerSpec"] |= {
                "Env": [f"RELEASE={release}"],
                "Command": command,
            }

        await self.write(change)
        self.told.append(f"deploy {release}")
        self.brought(release)

    async def scale(self) -> None:
        """A person's own idea of how many there should be."""
        replicas = self.chance.randint(1, MOST)

        def change(spec: dict[str, Any]) -> None:
            spec["Mode"]["Replicated"]["Replicas"] = replicas

        await self.write(change)
        self.told.append(f"scale {replicas}")

    async def change_load(self) -> None:
        self.load = self.chance.choice([5.0, 15.0, 25.0, 35.0])
        self.told.append(f"load {self.load}")

    async def roll_back(self) -> None:
        """`docker service rollback`: to whatever was written before."""
        service = await self.bed.read(self.service_id)
        if "PreviousSpec" not in service:
            return
        reply = await self.bed.api.update(service, service["Spec"], rollback="previous")
        if reply.status != 200:
            return
        before, after = release_of(service["Spec"]), release_of(service["PreviousSpec"])
        self.told.append(f"rollback {before} to {after}")
        if before != after:
            self.brought(after)

    async def write(self, change: Callable[[dict[str, Any]], None]) -> None:
        async def written() -> bool:
            service = await self.bed.read(self.service_id)
            spec = copy.deepcopy(service["Spec"])
            change(spec)
            reply = await self.bed.api.update(service, spec)
            assert reply.status == 200 or "out of sequence" in reply.message, reply
            return reply.status == 200

        await eventually(written)

    def brought(self, release: str) -> None:
        """A person has brought a release."""
        self.came = release
        self.left_to_a_person = release in self.taken

    @property
    def taken(self) -> set[str]:
        """The releases that were taken back; if Swarm brings one again, it stays as well."""
        return {release for release, _ in self.swarm.taken_back}

    async def state(self) -> tuple[str, int]:
        """Which release there is, and how many replicas it is asked to have."""
        spec = (await self.bed.read(self.service_id))["Spec"]
        return release_of(spec), spec["Mode"]["Replicated"]["Replicas"]

    def may_be(self) -> set[str]:
        """The releases that are right now."""
        good = {f"good{number}" for number in range(self.deployed + 1)}
        if self.came in good:
            return {self.came}
        by_swarm = good | self.taken if self.on_failure == "rollback" else set()
        if self.left_to_a_person or not self.proved:
            return {self.came} | by_swarm
        return {self.proved[-1]} | by_swarm

    async def is_right(self) -> bool:
        release, replicas = await self.state()
        if release not in self.may_be():
            return False
        # Where nothing runs, nobody knows how a scale would go.
        return replicas == self.replicas or release.startswith("bad")

    async def check(self) -> None:
        """What must hold once there was time."""
        release, replicas = await self.state()
        assert release in self.may_be(), self.story(release, replicas)
        if release.startswith("good"):
            assert replicas == self.replicas, self.story(release, replicas)
            self.has_proved(release)
            self.came = release
        taken = [bad for bad, _ in self.swarm.taken_back]
        assert len(taken) == len(set(taken)), self.story(release, replicas)
        assert all(back.startswith("good") for _, back in self.swarm.taken_back)

    def has_proved(self, release: str) -> None:
        """It is what to go back to from now on."""
        if release.startswith("good"):
            self.proved = [*(each for each in self.proved if each != release), release]

    def story(self, release: str, replicas: int) -> str:
        """What happened, for whoever has to find out why."""
        wanted = f"{self.may_be()} with {self.replicas}"
        return f"{self.told}, {self.swarm.taken_back}: {release} with {replicas}, not {wanted}"
