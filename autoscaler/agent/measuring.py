"""CPU and memory of each task on the node, read once and told to all who want to know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from autoscaler.agent import reach
from autoscaler.agent.containers import Node, TaskContainer
from autoscaler.agent.messages import Statistics, Used
from autoscaler.agent.node import LocalNode
from autoscaler.ports import Clock
from autoscaler.settings import Agent
from autoscaler.sources.docker.engine import Engine
from autoscaler.sources.docker.frames import Reading
from autoscaler.sources.docker.streams import Streams


class Measuring:
    """Follows the statistics of the node's task containers, up to a bound."""

    def __init__(self, node: LocalNode, settings: Agent, monotonic: Clock) -> None:
        self._node = node
        self._every = settings.statistics_every
        self._monotonic = monotonic
        self._engine = Engine(reach.statistics(settings))
        self._streams = Streams(self._engine, reach.statistics(settings), monotonic)

    async def run(self) -> None:
        """Measure and tell, for ever."""
        identity = await self._node.identity()
        while True:
            running = self._node.running
            # Of each container the last frame is enough: the rest is the listener's business.
            self._streams.follow(dict.fromkeys(running, 0.0), running)
            report = self._report(identity)
            if report.used:
                self._node.tell(report)
            await asyncio.sleep(self._every)

    def readings(self) -> Iterator[tuple[TaskContainer, Reading]]:
        """The newest frame of each container whose frames still come."""
        now = self._monotonic()
        for one in self._node.running.values():
            history = self._streams.history(one.id)
            if history is not None and history.last is not None and history.is_fresh(now):
                yield one, history.last

    async def close(self) -> None:
        """Give back connections; idempotent."""
        await self._streams.close()
        await self._engine.close()

    def _report(self, node: Node) -> Statistics:
        used = tuple(
            Used(task=one.task, service=one.service, at=r.at, cpu=r.cpu, memory=r.memory)
            for one, r in self.readings()
        )
        return Statistics(cores=node.cores, memory=node.memory, used=used)
