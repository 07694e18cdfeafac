"""What may happen to nodes and to the tasks on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from autoscaler.testing.engine import Behaviour
from autoscaler.testing.engine.objects import EngineNode, EngineService, EngineTask
from autoscaler.testing.engine.programs import Pace
from tests.simulation.faults.fault import Coursed, fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

OUT_OF_MEMORY = "task: non-zero exit (137): OOMKilled"


def replicated(world: World) -> Sequence[EngineService]:
    """Services with a number of replicas, in the order in which they were made."""
    return [each for each in world.swarm.cluster.services.values() if each.mode == "Replicated"]


@fault("node down")
async def node_down(world: World) -> Course:
    """One that is no manager, if there is such a one; its tasks go elsewhere."""
    node = _worker(world)
    if node is not None:
        world.swarm.set_node(node, state="down")
    yield
    if node is not None:
        world.swarm.set_node(node, state="ready")


@fault("half of the nodes cut off")
async def partition(world: World) -> Course:
    """Their tasks run on while the managers start others in their place: twice as many run."""
    workers = [n for n in world.swarm.cluster.nodes.values() if n.role == "worker"]
    lost = workers[: (len(workers) + 1) // 2]
    for node in lost:
        world.swarm.cut_off(node)
    yield
    for node in lost:
        world.swarm.reconnect(node)


@fault("node drained")
async def drained(world: World) -> Course:
    node = _worker(world)
    if node is not None:
        world.swarm.set_node(node, availability="drain")
    yield
    if node is not None:
        world.swarm.set_node(node, availability="active")


def _worker(world: World) -> EngineNode | None:
    workers = [
        node
        for node in world.swarm.cluster.nodes.values()
        if node.role == "worker" and node.state == "ready" and node.availability == "active"
    ]
    return world.rng.choice(workers) if workers else None


def _images_do(name: str, behaviour: Behaviour, after: float = 0.0) -> Coursed:
    """Containers of one image do something else from now on; those that run go on."""

    @fault(name)
    async def doing(world: World) -> Course:
        chosen = _one(world)
        image = str(chosen.template["ContainerSpec"]["Image"]) if chosen else ""
        images = world.swarm.cluster.images
        before = images.get(image)
        world.swarm.image(image, behaviour, after)
        if chosen is not None:
            _kill_one(world, chosen, 1, "")
        yield
        images.pop(image)
        if before is not None:
            images[image] = before

    return doing


def _one(world: World) -> EngineService | None:
    found = replicated(world)
    return world.rng.choice(found) if found else None


def _kill_one(world: World, service: EngineService, code: int, error: str) -> None:
    running = _running(world, service)
    if running:
        world.swarm.kill(world.rng.choice(running), code, error)


def _running(world: World, service: EngineService) -> Sequence[EngineTask]:
    return [task for task in world.swarm.tasks(service) if task.state == "running"]


def _takes(name: str, pace: Pace) -> Coursed:
    """Containers take longer from now on, and one is replaced."""

    @fault(name)
    async def taking(world: World) -> Course:
        before = world.swarm.cluster.pace
        world.swarm.take(pace)
        chosen = _one(world)
        if chosen is not None:
            _kill_one(world, chosen, 1, "")
        yield
        world.swarm.take(before)

    return taking


@fault("out of memory")
async def out_of_memory(world: World) -> Course:
    """The kernel kills one of a service's containers."""
    chosen = _one(world)
    if chosen is not None:
        _kill_one(world, chosen, 137, OUT_OF_MEMORY)
    yield


FAULTS = (
    node_down,
    partition,
    drained,
    _images_do("image missing", Behaviour.MISSING),
    _images_do("crash loop", Behaviour.FAILS),
    _images_do("found unhealthy", Behaviour.UNHEALTHY, after=5.0),
    _takes("slow start", Pace(pull=(20.0, 60.0), start=(5.0, 30.0))),
    _takes("task wedged on its way", Pace(start=(400.0, 600.0))),
    _takes("slow stop", Pace(stop=(10.0, 60.0))),
    out_of_memory,
)
