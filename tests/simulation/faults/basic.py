"""A first few, one of each part of the world."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.world import World

Change = Callable[[World], None]


@dataclass(frozen=True)
class Simple:
    """A fault that is switched on and off."""

    name: str
    on: Change
    off: Change

    async def begin(self, world: World) -> None:
        """Switch it on."""
        self.on(world)

    async def end(self, world: World) -> None:
        """Switch it off."""
        self.off(world)


@dataclass(frozen=True)
class Killed:
    """The process is killed, and comes back at the end."""

    name: str = "process killed"

    async def begin(self, world: World) -> None:
        """At any moment."""
        world.product.kill()

    async def end(self, world: World) -> None:
        """Swarm starts another one."""
        if not world.product.running:
            await world.product.start()


def _refuse(world: World) -> None:
    world.prometheus.refuses = True


def _serve(world: World) -> None:
    world.prometheus.refuses = False


def _disk_full(world: World) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    world.disk.wrong["full"] = lambda sql: error if sql == "begin immediate" else None


def _disk_free(world: World) -> None:
    world.disk.wrong.pop("full")


BASIC = (
    Killed(),
    Simple("prometheus refuses", _refuse, _serve),
    Simple(
        "engine silent", lambda w: w.network.hold("engine"), lambda w: w.network.let_go("engine")
    ),
    Simple("disk full", _disk_full, _disk_free),
)
