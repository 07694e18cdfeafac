"""Which tasks of which services run on this engine: one list for all queries."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoscaler.errors import Temporary
from autoscaler.ports import Clock
from autoscaler.sources.docker.engine import Engine

SERVICE_LABEL = "com.docker.swarm.service.id"
TASK_LABEL = "com.docker.swarm.task.id"


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs a task on this engine."""

    id: str
    task_id: str


Containers = Mapping[str, Sequence[Container]]
"""By service id."""


class LocalContainers:
    """The running containers of services, listed again when the list has aged."""

    def __init__(self, engine: Engine, list_every: float, monotonic: Clock) -> None:
        self._engine = engine
        self._list_every = list_every
        self._monotonic = monotonic
        self._listed: Containers = {}
        self._listed_at = float("-inf")
        self._listing = asyncio.Lock()

    async def listed(self) -> Containers:
        """What runs now, or did `list_every` seconds ago. Raises Temporary or Permanent."""
        asked = self._monotonic()
        async with self._listing:
            # A list that was made while this call waited for its turn is as good.
            if self._listed_at < asked and asked - self._listed_at >= self._list_every:
                began = self._monotonic()
                filters = json.dumps({"label": [SERVICE_LABEL]})
                self._listed = _by_service(
                    await self._engine.get("containers/json", filters=filters)
                )
                self._listed_at = began
            return self._listed


def _by_service(raw: Any) -> Containers:
    if not isinstance(raw, list):
        raise Temporary("the list of containers is not a list")
    found: dict[str, list[Container]] = defaultdict(list)
    for each in raw:
        labels = each.get("Labels") if isinstance(each, dict) else None
        key = each.get("Id") if isinstance(each, dict) else None
        if isinstance(labels, dict) and isinstance(key, str):
            service, task = labels.get(SERVICE_LABEL), labels.get(TASK_LABEL)
            if isinstance(service, str) and isinstance(task, str):
                found[service].append(Container(key, task))
    return dict(found)
