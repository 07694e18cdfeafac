"""One play: load comes and goes, and everything that happens is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from aiohttp import web

from deploy.demo import load
from deploy.demo.jobs import JobQueue, application
from deploy.demo.load import Profile
from deploy.demo.stage import Stage
from deploy.demo.verdict import is_back
from deploy.demo.watch import Seen, Watcher

Show = Callable[[Seen], Coroutine[None, None, None]]


REACHED_WITHIN = 20.0
"""Seconds after which some worker must have asked for a job."""


class Broken(RuntimeError):
    """The demonstration cannot go on."""


async def play(stage: Stage, profile: Profile, seen: Seen, show: Show) -> None:
    """Until the service is back to where it began, or has been given time enough.

    Raises Broken.
    """
    queue = JobQueue()
    async with served(stage, queue), asyncio.TaskGroup() as group:
        watcher = Watcher(stage, queue, profile, seen)
        tasks = [
            group.create_task(load.produce(profile, queue), name="producer"),
            group.create_task(watcher.look(), name="watcher"),
            group.create_task(show(seen), name="screen"),
        ]
        broken = await _over(stage, queue, profile, seen)
        for task in tasks:
            task.cancel()
    if broken:
        raise Broken(broken)


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


async def _over(stage: Stage, queue: JobQueue, profile: Profile, seen: Seen) -> str | None:
    """Wait for the end of the load, and for the service to be small again; or say what broke."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ends = started + load.duration(profile)
    while loop.time() < ends + load.PATIENCE:
        await asyncio.sleep(0.2)
        broken = _broken(stage, queue, loop.time() - started)
        if broken or (loop.time() > ends and is_back(seen)):
            return broken
    return None


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
