"""What people do to the cluster."""

from __future__ import annotations

import asyncio

from autoscaler.testing.engine.objects import EngineService
from tests.simulation.plan import CRASHING, GOOD, MISSING, STUCK, Happening
from tests.simulation.world import World


async def do(world: World, what: Happening) -> None:
    """One deed, to a service that is there."""
    service = world.swarm.named(what.service)
    if service is None:
        return
    if what.kind == "pause":
        taken = await world.order(kind="pause", service=what.service, expires_in=what.seconds)
        if taken:
            world.paused(what.service, what.seconds)
    elif what.kind == "alert":
        await alert(world, what)
    elif what.kind.startswith("deploy"):
        image = {"good": GOOD, "bad": MISSING, "crashing": CRASHING}[what.kind.split()[1]]
        deploy(world, service, image, what.at)
    elif what.kind == "scale":
        workload = world.services[what.service]
        world.swarm.scale(service, max(1, min(what.number, workload.max)))
    elif what.kind == "recreate":
        world.swarm.remove(service)
        world.create(world.services[what.service], max(1, service.replicas))


async def alert(world: World, what: Happening) -> None:
    """One fires about a service, for a while."""
    world.alerts[what.service].append(world.clock())
    world.alertmanagers.fire(STUCK, service=what.service)
    await asyncio.sleep(what.seconds)
    world.alertmanagers.end(STUCK, service=what.service)
    world.tell("alert ends", what.service)


def deploy(world: World, service: EngineService, image: str, release: object) -> None:
    """Another release: an image, and a variable that tells it from all others."""
    container = {**service.template["ContainerSpec"], "Image": image, "Env": [f"RELEASE={release}"]}
    world.swarm.update(service, TaskTemplate={**service.template, "ContainerSpec": container})
