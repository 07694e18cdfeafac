"""What is asked of a source, and what it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from autoscaler.model import NodeUsage, Sample, Service, Task


@dataclass(frozen=True, slots=True)
class Query:
    """One question of one service to a source. Equal queries are asked once."""

    options: BaseModel
    """What the policy says, an instance of the source's `Options`; frozen, hashable."""
    service: Service


class Source(Protocol):
    """Answers queries about services with samples."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class, found on the plugin's class
        """What a policy may write beside `source:`; frozen, `extra="forbid"`."""
        ...

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order, within the source's deadline.

        Never raises for a query that fails: that query's sample says so. `tasks` are the
        tasks known by service id, for sources that answer per task.
        """
        ...

    async def close(self) -> None:
        """Give back connections and threads; idempotent."""
        ...


@runtime_checkable
class HearsUsage(Protocol):
    """What a source may be too: a listener to what agents measure on their nodes."""

    def hear(self, usage: NodeUsage) -> None:
        """Take in what the tasks of one node use; every few seconds, for each node."""
        ...
