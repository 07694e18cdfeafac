"""Task lists: asked for in batches, remembered between snapshots."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from autoscaler.errors import Gone, Temporary
from autoscaler.model import Node, Task
from autoscaler.orchestrators.swarm import plan, translate
from autoscaler.orchestrators.swarm.batches import Batch, Need, batches
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.documents import decode
from autoscaler.orchestrators.swarm.listed import Listed
from autoscaler.orchestrators.swarm.remembered import Remembered, newest
from autoscaler.orchestrators.swarm.settings import ListSettings

_GONE_AT_ONCE = 5
"""Services that may vanish while their batch is asked for."""

Tasks = Mapping[str, tuple[Task, ...]]


class TaskLists:
    """Knows the tasks of services as well as a handful of requests per snapshot allow."""

    def __init__(self, client: EngineClient, settings: ListSettings) -> None:
        self._client = client
        self._settings = settings
        self._memory: dict[str, Remembered] = {}
        self._doubts: set[str] = set()
        self._vanished: set[str] = set()
        """Services that the last refused list named as gone."""
        self._nodes: Mapping[str, Node] = {}
        self._turn = 0

    def doubt(self, service_id: str) -> None:
        """Something happened to the service: list it in the next snapshot."""
        if service_id in self._memory:
            self._doubts.add(service_id)

    async def refresh(self, services: Mapping[str, Listed], nodes: Mapping[str, Node]) -> Tasks:
        """The tasks of all services that are known now. Raises Temporary or Permanent."""
        self._turn += 1
        self._forget(services, nodes)
        needs = plan.plan(services, self._memory, self._doubts, self._settings)
        await self._list(needs, services, nodes)
        return {
            key: known.tasks
            for key, known in self._memory.items()
            if key in services and known.fits(services[key])
        }

    async def one(self, listed: Listed, nodes: Mapping[str, Node]) -> tuple[Task, ...]:
        """The tasks of one service, listed now. Raises Gone when it vanished meanwhile."""
        key = listed.service.id
        need = plan.whole(listed, self._memory.get(key), self._settings)
        await self._list([need], {key: listed}, nodes)
        if key not in self._memory:
            if key in self._vanished:
                raise Gone(f"service {listed.service.name} is gone")
            raise Temporary(f"the tasks of {listed.service.name} could not be listed")
        return self._memory[key].tasks

    def _forget(self, services: Mapping[str, Listed], nodes: Mapping[str, Node]) -> None:
        kept = {key: known for key, known in self._memory.items() if key in services}
        if _states(nodes) != _states(self._nodes):
            kept = {key: known.on(nodes) for key, known in kept.items()}
        self._memory, self._nodes = kept, nodes
        self._doubts &= kept.keys()

    async def _list(
        self, needs: list[Need], services: Mapping[str, Listed], nodes: Mapping[str, Node]
    ) -> None:
        bounds = self._settings
        for batch in batches(needs, body_bytes=bounds.body_bytes, services=bounds.services):
            # Before asking: what happens while the engine answers is a new doubt.
            doubted = self._doubts.intersection(batch.services)
            self._doubts -= doubted
            try:
                found = await self._ask(batch, nodes)
            except BaseException:
                self._doubts |= doubted
                raise
            for key in batch.services:
                self._keep(services[key], found.get(key), whole=batch.whole)

    async def _ask(self, batch: Batch, nodes: Mapping[str, Node]) -> dict[str, list[Task]]:
        """Tasks by service id; a service that is gone is left out, one without tasks is not."""
        found: dict[str, list[Task]] = defaultdict(list)
        asked: set[str] = set(batch.services)
        for filters in batch.requests():
            answered, tasks = await self._request(filters, nodes)
            asked &= answered
            for task in tasks:
                found[task.service_id].append(task)
        return {key: found[key] for key in asked}

    async def _request(
        self, filters: dict[str, list[str]], nodes: Mapping[str, Node]
    ) -> tuple[set[str], list[Task]]:
        """One list. The engine refuses it whole when one of its services is gone."""
        services = filters["service"]
        for _ in range(_GONE_AT_ONCE):
            if not services:
                return set(), []
            try:
                answer = await self._client.get("tasks", {**filters, "service": services})
            except Gone as error:
                named = set(re.findall(r"[0-9a-z]{25}", str(error)))
                self._vanished = named
                services = [key for key in services if key not in named] if named else []
                continue
            each = partial(translate.task, nodes=nodes)
            return set(services), await decode(answer.body, "task list", each)
        return set(), []

    def _keep(self, listed: Listed, tasks: list[Task] | None, *, whole: bool) -> None:
        key, before = listed.service.id, self._memory.pop(listed.service.id, None)
        if tasks is None:
            return
        total = len(tasks) if whole else before.whole if before is not None else None
        merged = tuple(tasks) if whole or before is None else before.after(tasks)
        kept = newest(merged, self._settings.ended)
        now = Remembered(listed.service.version, listed.counts, kept, total, self._turn)
        self._memory[key] = now
        if not whole and before is not None and _replaced(before, now):
            self._doubts.add(key)


def _replaced(before: Remembered, now: Remembered) -> bool:
    """Whether other tasks run although nobody wrote: some ended, and should be looked at."""
    return before.version == now.version and before.wanted() != now.wanted()


def _states(nodes: Mapping[str, Node]) -> dict[str, str]:
    return {key: node.state for key, node in nodes.items()}
