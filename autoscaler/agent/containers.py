"""Which tasks run on this node, read from the engine's answers. Pure, but for asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoscaler.agent.messages import Health, Running
from autoscaler.errors import Gone, Temporary
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.documents import decode, decode_object
from autoscaler.orchestrators.swarm.raw import child, number, text, texts

SERVICE_LABEL = "com.docker.swarm.service.id"
SERVICE_NAME_LABEL = "com.docker.swarm.service.name"
TASK_LABEL = "com.docker.swarm.task.id"
TASK_NAME_LABEL = "com.docker.swarm.task.name"
NODE_LABEL = "com.docker.swarm.node.id"
_HEALTH: Mapping[str, Health] = {
    "(healthy)": "healthy",
    "(unhealthy)": "unhealthy",
    "(health: starting)": "starting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContainer:
    """A container that runs a task."""

    id: str
    task: str
    task_name: str
    service: str
    service_name: str
    node: str
    health: Health
    running: bool = True

    @property
    def told(self) -> Running:
        """What the controller is told of it."""
        return Running(container=self.id, task=self.task, service=self.service, health=self.health)


@dataclass(frozen=True, slots=True)
class Node:
    """The node that the engine runs on."""

    id: str
    hostname: str
    cores: float
    memory: float
    """Bytes."""


async def list_all(client: EngineClient) -> Sequence[TaskContainer]:
    """The containers that run tasks now. Raises Temporary or Permanent."""
    answer = await client.get("containers/json", {"label": [TASK_LABEL]})
    found = await decode(answer.body, "list of containers", _listed)
    return [one for one in found if one.id and one.task and one.service]


async def inspect(client: EngineClient, container: str) -> TaskContainer:
    """One container. Raises Gone unless just this id answers: the engine takes names too."""
    answer = await client.get(f"containers/{container}/json")
    raw = decode_object(answer.body, f"container {container[:12]}")
    if raw.get("Id") != container:
        raise Gone(f"no container has the id {container!r}")
    state, labels = child(raw, "State"), texts(raw, "Config", "Labels")
    return _container(container, labels, "", running=state.get("Running") is True)


async def node_of(client: EngineClient) -> Node:
    """The node. Raises Temporary while it is not part of a Swarm."""
    answer = await client.get("info")
    raw = decode_object(answer.body, "info")
    node = text(child(raw, "Swarm"), "NodeID")
    if not node:
        raise Temporary("the engine is not part of a Swarm")
    cores, memory = number(raw, "NCPU") or 0, number(raw, "MemTotal") or 0
    return Node(node, text(raw, "Name"), float(cores), float(memory))


def _listed(raw: Any) -> TaskContainer:
    known = child(raw)
    status = text(known, "Status")
    health = next((value for key, value in _HEALTH.items() if key in status), "")
    return _container(text(known, "Id"), texts(known, "Labels"), health)


def _container(
    key: str, labels: Mapping[str, str], health: str, *, running: bool = True
) -> TaskContainer:
    return TaskContainer(
        id=key,
        task=labels.get(TASK_LABEL, ""),
        task_name=labels.get(TASK_NAME_LABEL, ""),
        service=labels.get(SERVICE_LABEL, ""),
        service_name=labels.get(SERVICE_NAME_LABEL, ""),
        node=labels.get(NODE_LABEL, ""),
        health=health,  # type: ignore[arg-type]
        running=running,
    )
