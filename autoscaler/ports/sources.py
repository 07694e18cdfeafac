"""What is asked of a source, and what it must be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from autoscaler.model import Alert, NodeUsage, Sample, Service, Task


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


@runtime_checkable
class HearsAlerts(Protocol):
    """What a source may be too: a listener to alerts that somebody raises."""

    @property
    def kept(self) -> float:
        """Seconds for which an alert stands that is not told again."""
        ...

    def recall_alerts(self, alerts: Sequence[Alert], away: float) -> None:
        """Take in what was known when the process last ran, `away` seconds ago."""
        ...

    def hear_alerts(self, alerts: Sequence[Alert], *, whole: bool = ...) -> Collection[str]:
        """Take in what is told, and stored; answer the ids of services about which to ask anew.

        `whole`: these are all alerts that fire.
        """
        ...

    async def firing_alerts(self) -> Sequence[Alert] | None:
        """All alerts that fire, asked once at a start of who raises them.

        None if there is nobody to ask. Raises Temporary while nobody answers.
        """
        ...


Tell = Callable[[Collection[str]], None]
"""Called with the ids of services about which a source has something new to say."""


@runtime_checkable
class TellsNews(Protocol):
    """What a source may be too: one that knows when there is something new to ask it."""

    def on_news(self, tell: Tell) -> None:
        """Call this from now on, each time that it pays to ask about some services again.

        A hint: the next tick asks about everything anyhow.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Moments of the past, in equal steps; times in Unix seconds."""

    start: float
    step: float
    count: int

    @property
    def moments(self) -> list[float]:
        """The moments, in order."""
        return [self.start + number * self.step for number in range(self.count)]


@runtime_checkable
class KnowsPast(Protocol):
    """What a source may be too: one that can tell what it would have answered."""

    async def past(self, query: Query, span: Span) -> Sequence[Sample]:
        """The answer at each moment of a span of at most 5,000 moments.

        Raises Temporary or Permanent when it cannot be told.
        """
        ...
