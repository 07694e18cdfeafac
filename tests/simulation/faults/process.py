"""What may happen to the product's own process."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.simulation.faults.fault import fault

if TYPE_CHECKING:
    from tests.simulation.loop import SimulatedLoop
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]
Hook = Callable[[], None]

STOPPED = 60.0
"""Seconds of a SIGSTOP."""


@fault("process killed")
async def killed(world: World) -> Course:
    world.product.kill()
    yield
    await _again(world)


@fault("process killed again and again")
async def killed_often(world: World) -> Course:
    """As soon as it has started, as one whose memory is short."""
    for _ in range(5):
        await world.product.restart()
        await asyncio.sleep(world.rng.uniform(0.0, 3.0))
    yield


async def _again(world: World) -> None:
    if not world.product.running:
        await world.product.start()


@fault("process killed before it has stored")
async def killed_before(world: World) -> Course:
    """At its next write, which is lost with it."""

    before = world.disk.before_commit

    def die() -> None:
        before()
        if world.product.running:
            world.product.kill()
            raise sqlite3.OperationalError("killed")

    world.disk.before_commit = die
    yield
    world.disk.before_commit = before
    await _again(world)


@fault("process killed once it has stored")
async def killed_after(world: World) -> Course:
    """At its next write, before anybody hears that it was made."""
    before = world.disk.after_commit

    def die() -> None:
        before()
        world.product.kill()

    world.disk.after_commit = die
    yield
    world.disk.after_commit = before
    await _again(world)


def _nothing() -> None:
    """What is done around a write at other times."""


@fault("process killed before its write")
async def killed_before_write(world: World) -> Course:
    """Its request is under way to the engine, which does not hear of it any more."""
    world.swarm.before_write = world.product.kill
    yield
    world.swarm.before_write = _nothing
    await _again(world)


@fault("process killed after its write")
async def killed_after_write(world: World) -> Course:
    """The engine has done what was asked, and nobody is there to hear it."""
    world.swarm.after_write = world.product.kill
    yield
    world.swarm.after_write = _nothing
    await _again(world)


@fault("process stopped for a minute")
async def stopped(world: World) -> Course:
    """SIGSTOP, or a machine that is moved: all that was to happen meanwhile happens late."""
    loop = cast("SimulatedLoop", asyncio.get_running_loop())
    loop.now += STOPPED
    yield


@fault("old store restored")
async def restored(world: World) -> Course:
    """Somebody brings back a copy of the store that is from the beginning of the fault."""
    copy = Path(f"{world.disk.path}.old")
    _copied(world.disk.path, copy)
    yield
    world.product.kill()
    _removed(world.disk.path)
    shutil.move(copy, world.disk.path)
    await _again(world)


@fault("store lost")
async def lost(world: World) -> Course:
    """The volume was not mounted: it starts with an empty memory."""
    world.product.kill()
    _removed(world.disk.path)
    yield
    await _again(world)


def _removed(store: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{store}{ending}").unlink(missing_ok=True)


def _copied(source: Path, copy: Path) -> None:
    with sqlite3.connect(source) as opened, sqlite3.connect(copy) as into:
        opened.backup(into)
    opened.close()
    into.close()


FAULTS = (
    killed,
    killed_often,
    killed_before,
    killed_after,
    killed_before_write,
    killed_after_write,
    stopped,
    restored,
    lost,
)
