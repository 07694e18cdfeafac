"""What a fault is, and how one is written down: a course with a beginning and an end.

@fault("the engine hangs")
async def hangs(world):
    world.swarm.faults.hang = "/"
    yield
    world.swarm.faults.hang = None
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = Callable[["World"], AsyncGenerator[None, None]]
"""Up to its `yield` it makes the fault, after it the fault is mended."""


class Fault(Protocol):
    """Something that goes wrong for a while."""

    @property
    def name(self) -> str:
        """A kind, as the summary of a run counts it."""
        ...

    async def begin(self, world: World) -> None:
        """It is wrong from now on."""
        ...

    async def end(self, world: World) -> None:
        """It is right again: nothing of it is left."""
        ...


class Coursed:
    """A fault by its course; of each kind one is under way at a time."""

    def __init__(self, name: str, course: Course) -> None:
        self.name = name
        self._course = course
        self._under_way: AsyncGenerator[None, None] | None = None

    async def begin(self, world: World) -> None:
        """The course up to its `yield`."""
        self._under_way = self._course(world)
        await anext(self._under_way)

    async def end(self, world: World) -> None:
        """The rest of the course; nothing if it was not begun."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await anext(under_way, None)


def fault(name: str) -> Callable[[Course], Coursed]:
    """Name a course, which makes a fault of it."""

    def named(course: Course) -> Coursed:
        return Coursed(name, course)

    return named
