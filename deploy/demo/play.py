"""One play: load comes and goes, mishaps follow, and everything that happens is written down.

A mishap is what befalls services anyway: a task is killed, workers hang, a bad release is
deployed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from aiohttp import web

from autoscaler.testing.real.processes import ProcessFailed
from deploy.demo import load, mishaps
from deploy.demo.jobs import JobQueue, application
from deploy.demo.load import Profile
from deploy.demo.mishaps import Holds
from deploy.demo.stage import Stage
from deploy.demo.verdict import is_back
from deploy.demo.watch import Seen, Watcher

Show = Callable[[Seen], Coroutine[None, None, None]]

REACHED_WITHIN = 60.0
"""Seconds after which some worker must have asked for a job."""


class Broken(RuntimeError):
    """The demonstration cannot go on."""


async def play(
    stage: Stage, profile: Profile, seen: Seen, show: Show, *, misfortune: bool = True
) -> None:
    """Until the service has come through all of it, or has been given time enough.

    Without `misfortune` that is the load, and no mishap follows.
    Raises Broken, ProcessFailed or OSError.
    """
    queue = JobQueue()
    async with served(stage, queue), asyncio.TaskGroup() as group:
        watcher = Watcher(stage, queue, profile, seen)
        tasks = [
            group.create_task(load.produce(profile, queue), name="producer"),
            group.create_task(watcher.look(), name="watcher"),
            group.create_task(show(seen), name="screen"),
        ]
        try:
            await _acts(stage, queue, profile, seen, misfortune)
            failure = None
        except (Broken, ProcessFailed, OSError) as error:
            # Out of the group it would be one of several.
            failure = error
        for task in tasks:
            task.cancel()
    if failure:
        raise failure


async def stay(stage: Stage) -> None:
    """Keep the queue open until interrupted."""
    queue = JobQueue()
    async with served(stage, queue):
        await asyncio.Event().wait()


@asynccontextmanager
async def served(stage: Stage, queue: JobQueue) -> AsyncIterator[None]:
    """The queue behind its door, which stays open for the next."""
    runner = web.AppRunner(application(queue), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, stage.door.dup()).start()
        yield
    finally:
        await runner.cleanup()


async def _acts(
    stage: Stage, queue: JobQueue, profile: Profile, seen: Seen, misfortune: bool
) -> None:
    """Wait for the end of the load, then of each mishap; or say what broke."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ends = started + load.duration(profile)

    async def until(holds: Holds, patience: float) -> bool:
        """Whether it came to hold in so many seconds. Raises Broken."""
        last = loop.time() + patience
        while loop.time() < last and not await holds():
            await asyncio.sleep(0.2)
            if broken := _broken(stage, queue, loop.time() - started):
                raise Broken(broken)
        return loop.time() < last

    async def is_over() -> bool:
        return loop.time() > ends and is_back(seen)

    if await until(is_over, load.duration(profile) + load.PATIENCE) and misfortune:
        await mishaps.happen(stage, queue, seen, lambda: loop.time() - started, until)


def _broken(stage: Stage, queue: JobQueue, seconds: float) -> str | None:
    """Why it is of no use to go on."""
    process = stage.autoscaler.process
    if process is None or not process.running:
        return f"the autoscaler ended:\n{process.tail() if process else ''}"
    if not queue.asked and seconds > REACHED_WITHIN:
        return (
            f"no worker reached {stage.queue_url} from the Swarm;"
            " name an address of this machine that its tasks reach: ADDRESS=... make demo"
        )
    return None
