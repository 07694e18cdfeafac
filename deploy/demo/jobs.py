"""A work queue with an HTTP door and a `/metrics` page.

    GET  /take          a job's number, or nothing after a second without one; `?worker=ID`
    POST /done/NUMBER   the job is done
    POST /jobs/COUNT    more jobs

A job that was taken and not done within its lease goes back: a worker may die. Workers may be
made to hang: those get no more jobs, whatever they do, until others come in their place.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from aiohttp import web

PATIENCE = 1.0
"""Seconds that a worker is kept waiting for a job."""
LEASE = 15.0
"""Seconds that a worker has for a job."""
THERE = 4.0
"""Seconds after its last question for which a worker counts as there."""

_METRICS = """\
# HELP queue_jobs Jobs that wait or are being worked on.
# TYPE queue_jobs gauge
queue_jobs{{queue="orders"}} {backlog}
# HELP queue_jobs_done_total Jobs that are done.
# TYPE queue_jobs_done_total counter
queue_jobs_done_total{{queue="orders"}} {done}
# HELP queue_workers_hanging Workers that ask for jobs and can do none.
# TYPE queue_workers_hanging gauge
queue_workers_hanging{{queue="orders"}} {hanging}
"""


class JobQueue:
    """Jobs by number, first in, first out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: deque[int] = deque()
        self._taken: dict[int, float] = {}
        self._some = asyncio.Condition()
        self.added = 0
        self.done = 0
        self.asked = 0
        """Times that a worker asked for a job."""
        self._workers: dict[str, float] = {}
        self._hung: frozenset[str] = frozenset()

    @property
    def backlog(self) -> int:
        """Jobs that wait or are being worked on."""
        return len(self._waiting) + len(self._taken)

    async def add(self, count: int) -> None:
        """Put in new jobs."""
        async with self._some:
            self._waiting.extend(range(self.added, self.added + count))
            self.added += count
            self._some.notify(count)

    @property
    def workers(self) -> frozenset[str]:
        """Those who have asked just now."""
        now = self._clock()
        return frozenset(name for name, at in self._workers.items() if now - at < THERE)

    @property
    def hanging(self) -> int:
        """Workers that ask and can do nothing."""
        return len(self._hung & self.workers)

    def hang(self) -> None:
        """Let all workers hang that have ever asked: one may just be slow to ask again."""
        self._hung = frozenset(self._workers)

    async def take(self, patience: float = PATIENCE, worker: str = "") -> int | None:
        """The next job; None if none comes while the patience lasts."""
        self.asked += 1
        self._workers[worker] = self._clock()
        self._take_back()
        if worker in self._hung:
            await asyncio.sleep(patience)
            return None
        try:
            async with asyncio.timeout(patience), self._some:
                await self._some.wait_for(lambda: self._waiting)
                job = self._waiting.popleft()
        except TimeoutError:
            return None
        self._taken[job] = self._clock() + LEASE
        return job

    def finish(self, job: int) -> None:
        """A job is done; to say so twice is no mistake."""
        if self._taken.pop(job, None) is not None:
            self.done += 1

    def _take_back(self) -> None:
        now = self._clock()
        for job in [job for job, until in self._taken.items() if until < now]:
            del self._taken[job]
            self._waiting.appendleft(job)


def application(queue: JobQueue) -> web.Application:
    """The door to a queue."""

    async def take(request: web.Request) -> web.Response:
        job = await queue.take(worker=request.query.get("worker", ""))
        return web.Response(text="" if job is None else str(job))

    async def done(request: web.Request) -> web.Response:
        queue.finish(int(request.match_info["job"]))
        return web.Response()

    async def add(request: web.Request) -> web.Response:
        await queue.add(int(request.match_info["count"]))
        return web.Response(text=f"{queue.backlog} jobs\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            text=_METRICS.format(backlog=queue.backlog, done=queue.done, hanging=queue.hanging)
        )

    app = web.Application()
    app.router.add_get("/take", take)
    app.router.add_post(r"/done/{job:\d{1,9}}", done)
    app.router.add_post(r"/jobs/{count:\d{1,4}}", add)
    app.router.add_get("/metrics", metrics)
    return app
