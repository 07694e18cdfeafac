"""Plays a plan: everything in it happens at its time, and what must hold is watched."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import deeds
from tests.simulation.faults import FAULTS
from tests.simulation.invariants import Invariants
from tests.simulation.loop import SimulatedLoop
from tests.simulation.plan import REPAIR, Happening, Plan
from tests.simulation.world import World, Wrong

BY_NAME = {fault.name: fault for fault in FAULTS}
SWEEP = 600.0
"""Seconds between two collections of garbage: at other times none, whatever ran before."""


@dataclass
class Course:
    """How it went."""

    plan: Plan
    seconds: float = 0.0
    digest: str = ""
    wrongs: list[Wrong] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


Prepare = Callable[[World], None]
"""Changes a world before it begins."""


def play(
    plan: Plan,
    tell: Callable[[str], None] | None = None,
    prepare: Prepare = lambda world: None,
) -> Course:
    """All of a plan, from the start to the end or to what goes wrong."""
    random.seed(plan.seed)
    gc.collect()
    gc.freeze()  # what is there before is not looked at again: a collection is cheap
    gc.disable()
    try:
        with (
            tempfile.TemporaryDirectory(dir=_memory()) as directory,
            asyncio.Runner(loop_factory=SimulatedLoop) as runner,
        ):
            return runner.run(_play(plan, Path(directory), tell, prepare))
    finally:
        gc.unfreeze()
        gc.enable()


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


async def _play(
    plan: Plan, directory: Path, tell: Callable[[str], None] | None, prepare: Prepare
) -> Course:
    course = Course(plan)
    world = World(plan, directory, tell)
    prepare(world)
    async with asyncio.TaskGroup() as group:
        await world.open(group)
        invariants = Invariants(world)
        work = [
            group.create_task(_sweep(), name="garbage"),
            *(group.create_task(_happen(world, each, course)) for each in plan.happenings),
        ]
        await _all_of_it(world, invariants)
        course.seconds, course.digest = world.now, world.digest
        world.close()
        invariants.close()
        await asyncio.sleep(0.1)
        del work
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
    course.wrongs, course.history = world.wrongs, list(world.history)
    course.counts = invariants.counts
    return course


async def _all_of_it(world: World, invariants: Invariants) -> None:
    """To the last fault; then until all has come to rest; and a while to see that it stays so."""
    if not await _through(world, world.plan.seconds + REPAIR):
        return
    invariants.repair()
    if not await _through(world, world.now + invariants.rest()):
        return
    invariants.settled()
    if await _through(world, world.now + 2 * world.plan.interval):
        invariants.settled()


async def _through(world: World, until: float) -> bool:
    """Let time pass; whether all went well."""
    while world.now < until and not world.wrongs:  # noqa: ASYNC110 - anything may go wrong
        await asyncio.sleep(min(5.0, until - world.now))
    return not world.wrongs


async def _happen(world: World, what: Happening, course: Course) -> None:
    await asyncio.sleep(what.at)
    fault = BY_NAME.get(what.kind)
    if fault is None:
        world.tell("deed", what.kind, what.service, what.number)
        await deeds.do(world, what)
        return
    if fault.name in world.at_fault:
        return
    course.faults[fault.name] += 1
    world.at_fault.add(fault.name)
    world.tell("fault", fault.name, "begins")
    await fault.begin(world)
    await asyncio.sleep(what.seconds)
    await fault.end(world)
    world.tell("fault", fault.name, "ends")
    world.at_fault.discard(fault.name)


async def _sweep() -> None:
    while True:
        await asyncio.sleep(SWEEP)
        gc.collect()
