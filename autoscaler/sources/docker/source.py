"""The source itself: from queries to streams, and from streams to samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from pydantic import BaseModel

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import NodeUsage, Quality, Sample, Task
from autoscaler.ports import Clock, Query
from autoscaler.sources.docker import options, settings
from autoscaler.sources.docker.containers import Containers, LocalContainers
from autoscaler.sources.docker.engine import Engine
from autoscaler.sources.docker.judge import judge
from autoscaler.sources.docker.reports import Reports
from autoscaler.sources.docker.share import Size, base
from autoscaler.sources.docker.streams import Streams


class DockerSource:
    """Answers with the CPU or memory of each of a service's tasks.

    It reads the local engine, and listens to the agents of other nodes.

    In a policy:

        source: docker
        query: cpu
        target: {utilization: 70}
    """

    Options: ClassVar[type[BaseModel]] = options.Options
    Settings: ClassVar[type[BaseModel]] = settings.Settings

    def __init__(self, settings: settings.Settings, monotonic: Clock = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._engine = Engine(settings)
        self._containers = LocalContainers(self._engine, settings.list_every, monotonic)
        self._streams = Streams(self._engine, settings, monotonic)
        self._reports = Reports(monotonic)
        self._node: Size | None = None
        self._asked: dict[str, tuple[float, float]] = {}
        """When each service was first and last asked about; those of long ago are forgotten."""

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order; takes no longer than the timeout of the settings."""
        if not queries:
            return []
        try:
            async with asyncio.timeout(self._settings.timeout):
                found = await self._look(queries)
        except (AutoscalerError, TimeoutError) as error:
            told = str(error) or f"no answer within {self._settings.timeout:g} s"
            return [self._without_engine(query, tasks, told) for query in queries]
        return [self._sample(query, found, tasks.get(query.service.id)) for query in queries]

    def hear(self, usage: NodeUsage) -> None:
        """Take in what an agent measures on its node."""
        self._reports.hear(usage)

    async def close(self) -> None:
        """Give back the connections, all streams included; idempotent."""
        await self._streams.close()
        await self._engine.close()

    async def _look(self, queries: Sequence[Query]) -> Containers:
        """What runs, with streams of all that is asked about."""
        if self._engine.closed:
            raise Temporary("the source is closed")
        until = _loop_time() + 0.9 * self._settings.timeout
        if self._node is None and any(_asks_of_node(query) for query in queries):
            self._node = _size(await self._engine.get("info"))
        found = await self._containers.listed()
        self._streams.follow(_windows(queries, found), _ids(found))
        new = self._meet({query.service.id for query in queries})
        begun = [self._streams.begun(one) for key in new for one in _ids(found, key)]
        await _first_values(begun, min(self._settings.patience, until - _loop_time()))
        return found

    def _meet(self, services: set[str]) -> list[str]:
        """Those that somebody asked about for the first time just now, or after long."""
        now, idle = self._monotonic(), self._settings.idle
        known = {key: (first, at) for key, (first, at) in self._asked.items() if now - at < idle}
        self._asked = known | {key: (known.get(key, (now, now))[0], now) for key in services}
        return [key for key in services if now - self._asked[key][0] < self._settings.patience]

    def _sample(self, query: Query, found: Containers, tasks: tuple[Task, ...] | None) -> Sample:
        if not isinstance(query.options, options.Options):
            told = f"{type(query.options).__name__} are not options of this source"
            return Sample(quality=Quality.ERROR, detail=told)
        try:
            node = self._node or next(iter(self._reports.sizes(tasks).values()), None)
            of = base(query.options, query.service, node)
        except Permanent as error:
            return Sample(quality=Quality.ERROR, detail=str(error))
        local = found.get(query.service.id, ())
        here = {one.task_id: self._streams.history(one.id) for one in local}
        self._reports.ask(query.service.id, query.options.window)
        for task, history in self._reports.of(query.service.id, tasks).items():
            if here.get(task) is None:
                here[task] = history
        others = self._others(query.options, tasks) if self._reports.any else None
        return judge(query.options, of, here, tasks, self._monotonic(), others)

    def _without_engine(
        self, query: Query, tasks: Mapping[str, tuple[Task, ...]], told: str
    ) -> Sample:
        """What agents tell, where they tell of the service at all."""
        known = tasks.get(query.service.id)
        if not self._reports.of(query.service.id, known):
            return Sample(quality=Quality.ERROR, detail=told)
        return self._sample(query, {}, known)

    def _others(
        self, asked: options.Options, tasks: tuple[Task, ...] | None
    ) -> Mapping[str, float]:
        """What a share of the node is on other nodes; nothing else differs there."""
        if asked.of != "node":
            return {}
        sizes = self._reports.sizes(tasks)
        return {key: _part(asked, size) for key, size in sizes.items()}


async def _first_values(begun: Sequence[asyncio.Event], patience: float) -> None:
    """Wait a little for new streams: a single read may be all there is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for event in begun:
                await event.wait()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _windows(queries: Sequence[Query], found: Containers) -> dict[str, float]:
    """The longest window that is asked of each container, in the order of the queries."""
    windows: dict[str, float] = {}
    for query in queries:
        if isinstance(query.options, options.Options):
            for one in _ids(found, query.service.id):
                windows[one] = max(windows.get(one, 0.0), query.options.window)
    return windows


def _ids(found: Containers, service: str | None = None) -> Iterator[str]:
    """The containers of one service, or of all."""
    chosen = found.values() if service is None else [found.get(service, ())]
    return (container.id for containers in chosen for container in containers)


def _part(asked: options.Options, size: Size) -> float:
    return size.cpu if asked.query == "cpu" else size.memory


def _asks_of_node(query: Query) -> bool:
    return isinstance(query.options, options.Options) and query.options.of == "node"


def _size(info: Any) -> Size:
    cpus, memory = (
        (info.get(key) for key in ("NCPU", "MemTotal")) if isinstance(info, dict) else (0, 0)
    )
    if type(cpus) is not int or type(memory) is not int or min(cpus, memory) <= 0:
        raise Temporary("the engine does not tell the size of its node")
    return Size(cpu=float(cpus), memory=float(memory))
