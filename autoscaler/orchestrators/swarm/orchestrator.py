"""Docker Swarm as an `Orchestrator`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import ClassVar

from pydantic import BaseModel

from autoscaler.errors import Gone, Permanent
from autoscaler.model import Act, Action, Event, Fleet, Network, Node, Service, Task, Template
from autoscaler.orchestrators.swarm import configs, networks, translate, write
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.connection import Connector
from autoscaler.orchestrators.swarm.documents import decode
from autoscaler.orchestrators.swarm.events import EventStream, OnReconnect
from autoscaler.orchestrators.swarm.listed import Listed, listed, virtual_ips
from autoscaler.orchestrators.swarm.settings import SwarmSettings
from autoscaler.orchestrators.swarm.tasks import TaskLists
from autoscaler.ports import Clock


class SwarmOrchestrator:
    """Reads and writes the services of one Swarm through one of its managers."""

    Settings: ClassVar[type[BaseModel]] = SwarmSettings

    def __init__(
        self,
        settings: SwarmSettings | None = None,
        clock: Clock = time.time,
        on_reconnect: OnReconnect = lambda reason: None,
        connector: Connector | None = None,
    ) -> None:
        """`connector` makes connections in place of those to the settings' address."""
        self._settings = settings or SwarmSettings()
        self._clock = clock
        self._on_reconnect = on_reconnect
        self._client = EngineClient(self._settings, connector)
        self._tasks = TaskLists(self._client, self._settings.lists)
        self._services: Mapping[str, Listed] = {}
        self._nodes: Mapping[str, Node] = {}
        self._nodes_at = float("-inf")
        self._networks: list[Network] = []
        self._networks_at = float("-inf")
        self._listing = asyncio.Lock()
        self._listed_at = float("-inf")
        self._stream: EventStream | None = None
        self.reconnects = 0
        """How often an event stream had to be opened anew."""

    async def snapshot(self) -> Fleet:
        """The fleet, as of the moment before it was listed. Raises Temporary or Permanent."""
        async with self._listing:
            at = self._clock()
            await self._list_services()
            await self._list_nodes()
            return Fleet(
                at=at,
                services={key: each.service for key, each in self._services.items()},
                tasks=await self._tasks.refresh(self._services, self._nodes),
                nodes=self._nodes,
                networks=await self._list_networks(),
            )

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """One service and its tasks. Raises Permanent when it is gone, or Temporary."""
        ask = self._client.get("services", {"id": [service_id]}, status="true")
        answer, _ = await asyncio.gather(ask, self._fresh_nodes())
        found = await decode(answer.body, "service list", partial(listed, before={}))
        # The filter matches beginnings of ids.
        this = next((each for each in found if each.service.id == service_id), None)
        if this is None:
            raise Gone(f"no service has the id {service_id!r}")
        return this.service, await self._tasks.one(this, self._nodes)

    async def apply(self, action: Action) -> Service:
        """Scale or restart; see `write.py` for what is refused."""
        writes = {
            Act.SCALE: write.scale,
            Act.RESTART: write.restart,
            Act.REBALANCE: write.restart,
        }
        if action.kind not in writes:
            raise Permanent(f"{action.service}: cannot {action.kind} a Swarm service")
        after = await writes[action.kind](self._client, action)
        self._tasks.doubt(action.service_id)
        return after

    async def policies(self) -> Mapping[str, bytes]:
        """Configs with the label `autoscaler.policy=true`. Raises Temporary or Permanent."""
        return await configs.policies(self._client)

    async def template(self, service_id: str) -> Template:
        """The task template that a service has now. Raises Gone, Temporary or Permanent."""
        _, raw = await write.read(self._client, service_id)
        return translate.template(raw)

    async def restore(self, action: Action, template: Template) -> Service:
        """Give a service an earlier template back; see `write.py` for what is refused."""
        after = await write.restore(self._client, action, template)
        self._tasks.doubt(action.service_id)
        return after

    def events(self) -> AsyncIterator[Event]:
        """Hints, for ever. For one reader: a second call starts a stream of its own."""
        self._stream = EventStream(
            self._client, self._settings.events, self._clock, self._count_reconnect
        )
        return self._heeded(self._stream)

    async def close(self) -> None:
        """Give back connections; idempotent."""
        await self._client.close()

    async def _list_services(self) -> None:
        answer = await self._client.get("services", status="true")
        each = partial(listed, before=self._services)
        found = await decode(answer.body, "service list", each)
        before, self._services = self._services, {each.service.id: each for each in found}
        self._check_stream(before)

    def _check_stream(self, before: Mapping[str, Listed]) -> None:
        """A list that shows a change which no event told of casts doubt on the stream."""
        since, self._listed_at = self._listed_at, _now()
        if not before or self._stream is None or self._stream.heard > since:
            return
        if _versions(before) != _versions(self._services):
            self._stream.expect()

    async def _heeded(self, stream: EventStream) -> AsyncGenerator[Event, None]:
        async with aclosing(stream.run()) as events:
            async for event in events:
                if event.service_id is not None:
                    self._tasks.doubt(event.service_id)
                yield event

    def _count_reconnect(self, reason: str) -> None:
        self.reconnects += 1
        self._on_reconnect(reason)

    async def _fresh_nodes(self) -> None:
        if _now() - self._nodes_at > self._settings.lists.nodes_for:
            await self._list_nodes()

    async def _list_nodes(self) -> None:
        answer = await self._client.get("nodes")
        found = await decode(answer.body, "node list", translate.node)
        self._nodes = {node.id: node for node in found}
        self._nodes_at = _now()

    async def _list_networks(self) -> Mapping[str, Network]:
        if not any(each.service.networks for each in self._services.values()):
            return {}
        if _now() - self._networks_at > self._settings.lists.networks_for:
            answer = await self._client.get("networks", {"scope": ["swarm"]})
            self._networks = await decode(answer.body, "network list", networks.network)
            self._networks_at = _now()
        given = virtual_ips(self._services.values())
        return networks.with_addresses(self._networks, len(self._nodes), given)


def _versions(services: Mapping[str, Listed]) -> dict[str, int]:
    return {key: each.service.version for key, each in services.items()}


def _now() -> float:
    """A clock that never jumps, for what is only good for a while."""
    return asyncio.get_running_loop().time()
