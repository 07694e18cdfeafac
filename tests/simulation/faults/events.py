"""What may happen to the engine's events on their way. They are hints: only time may be lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from autoscaler.testing.engine.objects import Document
from tests.simulation.faults.fault import fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

HELD = 3
"""Events that may overtake one another."""


@fault("events dropped")
async def dropped(world: World) -> Course:
    """Half of them, as a reader that is too slow loses them."""

    def some(event: Document) -> Sequence[Document]:
        return (event,) if world.rng.random() < 0.5 else ()

    world.swarm.cluster.journal.underway = some
    yield
    world.swarm.cluster.journal.underway = None


@fault("events doubled")
async def doubled(world: World) -> Course:
    world.swarm.double_events()
    yield
    world.swarm.double_events(False)


@fault("events out of order")
async def reordered(world: World) -> Course:
    held: list[Document] = []

    def shuffled(event: Document) -> Sequence[Document]:
        held.append(event)
        return [] if len(held) < HELD else [held.pop(world.rng.randrange(HELD))]

    world.swarm.cluster.journal.underway = shuffled
    yield
    world.swarm.cluster.journal.underway = None


@fault("events silent")
async def silent(world: World) -> Course:
    """A half-open connection: it stands, and brings nothing."""
    world.swarm.mute_events()
    yield
    world.swarm.mute_events(False)


@fault("event stream cut")
async def cut(world: World) -> Course:
    world.swarm.cut_events()
    yield


@fault("daemon restarted")
async def restarted(world: World) -> Course:
    """At once back again; it has forgotten its events."""
    async with world.swarm.down():
        pass
    yield


FAULTS = (dropped, doubled, reordered, silent, cut, restarted)
