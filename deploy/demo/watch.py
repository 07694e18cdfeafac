"""Writes down what is seen: by Swarm, by Prometheus, and in the autoscaler's log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp

from deploy.demo.jobs import JobQueue
from deploy.demo.load import Profile, at
from deploy.demo.stage import Stage
from deploy.demo.swarms import SERVICE

LOOK_EVERY = 0.2
"""Seconds between two looks at everything."""
PATIENCE = 5.0
"""Seconds that a look may take."""
METRIC = 'sum(queue_jobs{queue="orders"})'
_NO_ANSWER = (aiodocker.DockerError, aiohttp.ClientError, OSError)


@dataclass(frozen=True, slots=True)
class Point:
    """Everything at one moment, in seconds since the start."""

    at: float
    phase: str
    rate: float
    """New jobs per second."""
    backlog: int
    """Jobs in the queue, by its own count."""
    metric: float | None
    """The same as Prometheus has it, up to a scrape later; None when it says nothing."""
    desired: int
    """Replicas that the service asks for."""
    running: int
    """Tasks that Swarm says run."""


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the autoscaler's log."""

    at: float
    what: dict[str, Any]


@dataclass
class Mishap:
    """Something that is done to the service, once the load has gone."""

    name: str
    told: str
    """What is done, in words."""
    at: float
    mended: float | None = None
    """When all was well again; None while it is not."""


@dataclass
class Seen:
    """The record of one play."""

    points: list[Point] = field(default_factory=list)
    log: list[Told] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    done: int = 0
    """Jobs that were done."""

    @property
    def loaded(self) -> list[Point]:
        """The moments before the first mishap: those that tell how the load was followed."""
        ends = self.mishaps[0].at if self.mishaps else float("inf")
        return [point for point in self.points if point.at < ends]


class Watcher:
    """Looks at everything again and again."""

    def __init__(self, stage: Stage, queue: JobQueue, profile: Profile, seen: Seen) -> None:
        self._queue = queue
        self._profile = profile
        self._seen = seen
        self._prometheus = f"{stage.prometheus.url}/api/v1/query"
        self._host = stage.swarm.host
        self._log = stage.autoscaler.log
        self._started = asyncio.get_running_loop().time()

    async def look(self) -> None:
        """For ever; a moment in which somebody does not answer is left out."""
        lines = _new_lines(self._log)
        async with aiodocker.Docker(url=self._host) as docker, aiohttp.ClientSession() as http:
            while True:
                with suppress(*_NO_ANSWER):
                    async with asyncio.timeout(PATIENCE):
                        await self._take(docker, http)
                self._seen.log += [Told(self._now(), line) for line in next(lines)]
                await asyncio.sleep(LOOK_EVERY)

    async def _take(self, docker: aiodocker.Docker, http: aiohttp.ClientSession) -> None:
        metric, desired, running = await asyncio.gather(
            _metric(http, self._prometheus), _desired(docker), _running(docker)
        )
        now = self._now()
        phase, rate = at(self._profile, now)
        name = self._seen.mishaps[-1].name if self._seen.mishaps else phase.name
        self._seen.points.append(
            Point(now, name, rate, self._queue.backlog, metric, desired, running)
        )
        self._seen.done = self._queue.done

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._started


async def _metric(http: aiohttp.ClientSession, url: str) -> float | None:
    async with http.get(url, params={"query": METRIC}) as answer:
        result = (await answer.json())["data"]["result"]
        return float(result[0]["value"][1]) if result else None


async def _desired(docker: aiodocker.Docker) -> int:
    service = await docker.services.inspect(SERVICE)
    replicas: int = service["Spec"]["Mode"]["Replicated"]["Replicas"]
    return replicas


async def _running(docker: aiodocker.Docker) -> int:
    filters = {"service": SERVICE, "desired-state": "running"}
    tasks = await docker.tasks.list(filters=filters)
    return sum(task["Status"]["State"] == "running" for task in tasks)


def _new_lines(log: Path) -> Iterator[list[dict[str, Any]]]:
    """Each time, the whole lines that were added since; what is not JSON is passed over."""
    with log.open() as file:
        rest = ""
        while True:
            *lines, rest = (rest + file.read()).split("\n")
            yield [line for text in lines if (line := _parsed(text))]


def _parsed(text: str) -> dict[str, Any] | None:
    with suppress(ValueError):
        line = json.loads(text)
        return line if isinstance(line, dict) else None
    return None
