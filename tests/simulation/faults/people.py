"""What people do that goes wrong, or comes at the wrong time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from tests.simulation.faults.cluster import replicated
from tests.simulation.faults.fault import Coursed, fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

BROKEN = {
    "policy file torn": '{"version": 1, "policies": [{"name": "web", "ser',
    "policy file with an unknown key": '{"version": 1, "policies": [], "polices": []}',
    "policy file empty": "",
    "policy file of another version": '{"version": 2, "policies": []}',
}


def _breaks(name: str, text: str) -> Coursed:
    """The policies in force stay until the file is mended."""

    @fault(name)
    async def breaking(world: World) -> Course:
        (world.policies / "all.yaml").write_text(text)
        world.product.reload()
        yield
        world.write_policies()
        world.product.reload()

    return breaking


@fault("policy files gone")
async def gone(world: World) -> Course:
    """Nobody decides about any service meanwhile."""
    (world.policies / "all.yaml").unlink()
    world.product.reload()
    yield
    world.write_policies()
    world.product.reload()


@fault("somebody scales again and again")
async def scaled(world: World) -> Course:
    """Of one service, within its bounds, a few times in a row."""
    services = [each for each in replicated(world) if each.name in world.services]
    chosen = world.rng.choice(services) if services else None
    for _ in range(3):
        if chosen is not None and chosen.id in world.swarm.cluster.services:
            most = world.services[chosen.name].max
            world.swarm.scale(chosen, world.rng.randint(1, most))
        await asyncio.sleep(world.rng.uniform(0.5, 20.0))
    yield


@fault("stack deployed again")
async def redeployed(world: World) -> Course:
    """As `docker stack deploy` of an unchanged file: all replicas are as they were at first."""
    for service in replicated(world):
        workload = world.services.get(service.name)
        if workload is not None:
            world.swarm.scale(service, workload.start)
    yield


FAULTS = (*(_breaks(name, text) for name, text in BROKEN.items()), gone, scaled, redeployed)
