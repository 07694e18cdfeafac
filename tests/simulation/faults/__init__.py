"""What can go wrong, each a thing that begins and ends.

A fault touches the world and its public fakes only, never what is inside of the product; all
chance comes from `world.rng`. After `end` nothing of it is left.
"""

from __future__ import annotations

from typing import Protocol

from tests.simulation.faults.basic import BASIC
from tests.simulation.world import World


class Fault(Protocol):
    """Something that goes wrong for a while."""

    @property
    def name(self) -> str: ...

    async def begin(self, world: World) -> None:
        """From now on."""
        ...

    async def end(self, world: World) -> None:
        """Not any more."""
        ...


FAULTS: tuple[Fault, ...] = BASIC
"""Those that plans draw from."""
