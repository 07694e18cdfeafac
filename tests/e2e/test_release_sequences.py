"""Deploys, scales and rollbacks in any order on a real engine: the right release comes back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from autoscaler.model import Revision
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.scenario import Scenario
from tests.scenario.releases import RUNS, Play, Recorded, policy

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

SEQUENCES = 10
AT_ONCE = 5
ACTS = 4
BAKE = 20.0
"""Seconds; longer than all acts of a sequence without a rest between them."""
PATIENCE = 240.0
"""Seconds in which all must be done that was begun."""


class RealTime(ManualClock):
    """The machine's clock, where a scenario would move its own."""

    def __call__(self) -> float:
        return time.time()

    def advance(self, seconds: float) -> float:
        """Time passes by itself."""
        return time.time()


async def play(swarm: PrivateSwarm, image: str, seed: int) -> Play:
    """One sequence from beginning to end, on a service of its own."""
    chance, name = random.Random(seed), f"sequence{seed}"
    async with EngineApi(swarm.host) as api:
        bed = SwarmBed(swarm.host, api, image)
        spec = bed.spec(name, 1, placeable=True)
        on_failure = chance.choice(["pause", "continue", "rollback"])
        spec["TaskTemplate"]["ContainerSpec"] |= {"Env": ["RELEASE=good0"], "Command": RUNS}
        spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", "Delay": 10**9}
        spec["UpdateConfig"] = {"FailureAction": on_failure, "Monitor": 10**9, "Parallelism": 1}
        service_id = await bed.create_from(spec)
        orchestrator = Recorded(swarm.host, bed)
        scenario = Scenario(policies=[policy(name, chance, f"{BAKE:g}s", "15s")], clock=RealTime())
        scenario.orchestrator = orchestrator

        async def moment() -> None:
            for _ in range(chance.randint(0, 2)):
                await asyncio.sleep(chance.choice([0.0, 0.3, 0.6]))
                await scenario.cycle(0.0)

        def kept() -> bool:
            """Whether the release that is there is kept; one that nobody can mend never is."""
            template = scenario.view.services[service_id].template
            revisions: tuple[Revision, ...] = scenario.passes.revisions.get(service_id, ())
            proved = scenario.memories[service_id].healing.releases.proved
            return proved and any(each.release == template for each in revisions)

        async def rest(holds: Callable[[], Awaitable[bool]]) -> None:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                await scenario.cycle(0.0)
                release, _ = await played.state()
                if await holds() and (release.startswith("bad") or kept()):
                    return
                await asyncio.sleep(0.5)

        async def all_run() -> bool:
            release, replicas = await played.state()
            return release.startswith("bad") or await bed.runs(service_id, replicas)

        played = Play(bed, orchestrator, service_id, chance, moment, rest, on_failure, kept)
        scenario.source.answer = played.answer
        try:
            async with scenario:
                await played.all_of_it(ACTS)
                await rest(all_run)
                assert await all_run()
        finally:
            await orchestrator.close()
            await bed.clear()
        return played


@pytest.mark.timeout(3600)
async def test_the_right_release_is_back_with_the_right_replicas_in_every_order(
    swarm: PrivateSwarm, busybox_image: str, record_property: Callable[[str, object], None]
) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> Play:
        async with slots:
            return await play(swarm, busybox_image, seed)

    played = await asyncio.gather(*(one(seed) for seed in range(SEQUENCES)))
    taken = sum(len(each.swarm.taken_back) for each in played)
    assert taken
    record_property("sequences", f"{len(played)} of {SEQUENCES} right, {taken} rollbacks in them")
