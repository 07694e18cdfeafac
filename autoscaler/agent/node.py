"""What an agent knows of its node, told to whoever listens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress

import structlog

from autoscaler.agent import containers, reach
from autoscaler.agent.containers import Node, TaskContainer
from autoscaler.agent.messages import MOST_CONTAINERS, Containers, Happened, Kind
from autoscaler.agent.outbox import Item, Outbox
from autoscaler.agent.watching import Watch
from autoscaler.errors import AutoscalerError
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.settings import EventSettings
from autoscaler.ports import Clock
from autoscaler.settings import Agent

log = structlog.get_logger(__name__)

LIST_EVERY = 30.0
"""Seconds between two lists of all containers when nothing asks for one."""
LIST_PAUSE = 0.5
"""Seconds from what happened to the list of what came of it: what happened is told first."""
RETRY = 2.0
"""Seconds before an engine that did not answer is asked again."""
MOST_SERIES = 1000
"""Services, and ways to end, that are told apart in counters."""

Tally = tuple[str, str, str]
"""What happened, the service's name, and how: an exit code, or nothing."""


class LocalNode:
    """The node's containers and their events, as its engine tells of them."""

    def __init__(self, settings: Agent, clock: Clock, events: EventSettings | None = None) -> None:
        self._client = EngineClient(reach.api(settings))
        self.watch = Watch(self._client, clock, events or EventSettings())
        self.running: Mapping[str, TaskContainer] = {}
        """By container id, as of the last list."""
        self.tally: Counter[Tally] = Counter()
        """What happened since the agent started."""
        self.listed = False
        """Whether the engine has answered."""
        self._outboxes: set[Outbox] = set()
        self._list_now = asyncio.Event()
        self._known = asyncio.Event()
        self._node: Node | None = None

    async def run(self) -> None:
        """Watch and list, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_list(), name="container list")
            group.create_task(self._follow(), name="container events")

    async def identity(self) -> Node:
        """The node, as soon as its engine tells."""
        pause, said = RETRY, ""
        while self._node is None:
            try:
                self._node = await containers.node_of(self._client)
            except AutoscalerError as error:
                if str(error) != said:
                    log.warning("the engine does not tell its node", error=str(error))
                said = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LIST_EVERY)
        return self._node

    @contextmanager
    def listener(self, since: int) -> Iterator[Outbox]:
        """What a controller is told that knows all events up to `since`."""
        outbox = Outbox()
        for event in self.watch.since(since):
            outbox.put(event)
        if self.listed:
            outbox.put(self.containers())
        self._outboxes.add(outbox)
        self._list_now.set()
        try:
            yield outbox
        finally:
            self._outboxes.discard(outbox)

    def tell(self, item: Item) -> None:
        """Tell everybody who listens."""
        for outbox in self._outboxes:
            outbox.put(item)

    def containers(self) -> Containers:
        """All that run, as far as they fit into a message."""
        told = [one.told for one in self.running.values()]
        return Containers(
            running=tuple(told[:MOST_CONTAINERS]), more=max(0, len(told) - MOST_CONTAINERS)
        )

    async def close(self) -> None:
        """Give back connections; idempotent."""
        await self._client.close()

    async def _follow(self) -> None:
        async with aclosing(self.watch.events()) as events:
            async for event in events:
                if event is not None:
                    self._count(event)
                    self.tell(event)
                self._list_now.set()

    async def _keep_list(self) -> None:
        said = ""
        while True:
            self._list_now.clear()
            try:
                await self._list()
                said = ""
            except AutoscalerError as error:
                if str(error) != said:
                    log.warning("containers are not listed", error=str(error))
                said = str(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(LIST_EVERY):
                    await self._list_now.wait()
                    await asyncio.sleep(LIST_PAUSE)

    async def _list(self) -> None:
        found = await containers.list_all(self._client)
        self.running = {one.id: one for one in found}
        self.listed = True
        self.tell(self.containers())

    def _count(self, event: Happened) -> None:
        """Health is a state, not a count; a start is no trouble."""
        if event.kind in (Kind.START, Kind.HEALTH):
            return
        how = str(event.exit_code) if event.kind is Kind.DIE else ""
        key = (event.kind.value, self.watch.service_name(event.service), how)
        if key in self.tally or len(self.tally) < MOST_SERIES:
            self.tally[key] += 1
