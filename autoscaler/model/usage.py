"""What a node's agent measures of the tasks that run there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUsage:
    """What one task has used."""

    task_id: str
    service_id: str
    at: float
    """When it was measured, by its node's clock, in Unix seconds."""
    cpu: float
    """Processor time since its container's start, in seconds."""
    memory: float | None
    """Bytes; None where the node does not count memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage:
    """What the tasks of one node have used."""

    node_id: str
    cores: float
    memory: float
    """Bytes that the node has."""
    tasks: tuple[TaskUsage, ...] = ()
