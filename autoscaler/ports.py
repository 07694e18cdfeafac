"""The seams: what adapters and plugins promise.

A deciding plugin is a pure step over values. An adapter does I/O, raises `Temporary` or
`Permanent` from `errors.py`, and gives every call a deadline of its own. Each port has a
contract test in `autoscaler.testing.contracts` that tells its author whether it is right.

An entry point names a class. What the class must be:

- A strategy is the model of its own options: `plugin.model_validate(options)` makes one.
- A source and an orchestrator have a model `Settings`, what the settings file may say of it
  beside `type:`; a source has a model `Options` too, what a policy may say beside `source:`.
  Both may be empty, and must be there. The adapter is made as `plugin(settings)`, with an
  instance of `Settings` and nothing else, inside the running event loop: it connects at the
  first call, not before.

All of these models are frozen and refuse unknown keys: derive them from `strict.Strict`.
`docs/extending.md` has an example of each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from autoscaler.model import (
    Act,
    Action,
    Decision,
    Event,
    Finding,
    Fleet,
    Intent,
    Memory,
    NodeUsage,
    Observation,
    Order,
    OrderKind,
    Outcome,
    Recommendation,
    Record,
    Revision,
    Sample,
    Service,
    Task,
    Template,
)


class Clock(Protocol):
    """Where `now` comes from: Unix seconds."""

    def __call__(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a strategy may look at: one metric of one service in one pass."""

    name: str
    sample: Sample
    """Known: finite and fresh."""
    observation: Observation
    tolerance_up: float = 0.1
    """How far above its target a metric may be before replicas are added, as a share."""
    tolerance_down: float = 0.1
    warm_up: float = 0.0
    """Seconds after its start in which a task does not count as ready."""

    @property
    def current(self) -> int:
        """The replica count that the service's spec asks for."""
        return self.observation.service.replicas or 0

    @property
    def total(self) -> float:
        """The sample's value, or the sum of its tasks' values."""
        return self.sample.total

    @property
    def silent(self) -> int:
        """How many tasks have no part in a sample that is made of their values."""
        values, tasks = self.sample.tasks, self.observation.tasks
        if values is None:
            return 0
        answered = {task for task, found in values.items() if found.value is not None}
        if tasks is None:
            return max(0, self.current - len(answered))
        running = {task.id for task in tasks if task.healthy}
        return len((running | values.keys()) - answered)


@runtime_checkable
class Strategy(Protocol):
    """Turns a metric's sample into a recommendation. Pure; a frozen pydantic model."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """One step of a metric; asked only when the metric has a fresh, finite sample.

        `memory` is what the last step returned: a small JSON value (lists, not tuples; text
        as keys), None for nothing. It is None at first. It may also be what another strategy
        left under the metric's name, or an older version of this one: what cannot be read
        counts as None, and is no error.

        The recommendation bears the reading's name. Its replicas are a whole number from
        0, or None where the strategy cannot say: then nothing shrinks. It may lie outside
        of the policy's bounds; guards clamp it. What `step` raises leaves the service alone
        until the next pass, and is logged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What a healing rule may look at: one service in one pass, its tasks listed.

    A rule with `sees_nodes: ClassVar[bool] = True` finds the nodes in the observation's
    `hosts`; to the others they are None.
    """

    name: str
    observation: Observation
    since: float = 0.0
    """What is from before this time does not count: a heal or a new release came since."""
    sample: Sample | None = None
    """The answer to what an `AskingRule` asks: whole, finite and fresh. None for others."""


@runtime_checkable
class HealingRule(Protocol):
    """Says what is sick about a service, never what to do. Pure; a frozen pydantic model."""

    @property
    def cures(self) -> frozenset[Act]:
        """What may help against what the rule finds; a policy chooses one of these."""
        ...

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """One step of a rule; asked in every pass that knows the service's tasks.

        `memory` is what the last step returned, as in `Strategy.step`: a small JSON value,
        None at first; what cannot be read counts as None. It should change only when
        something happens, for each change is stored.

        The finding stands until a step returns None. Missing data are no finding.
        """
        ...


class AskingRule(HealingRule, Protocol):
    """A healing rule that goes by an answer of a source.

    An entry of `heal:` may then name a `source`, and holds that source's options beside the
    rule's own, which come first where both have a key. Without a whole, finite and fresh
    answer the rule is not asked: its memory stays, and nothing is found.
    """

    def question(self) -> Mapping[str, Any]:
        """Options of the source that an entry need not state; what it states comes first.

        Those that the source does not know are left out. A class says which of a source's
        required options are among them: `fills: ClassVar[frozenset[str]]`.
        """
        ...


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


class Orchestrator(Protocol):
    """A cluster that runs services."""

    async def snapshot(self) -> Fleet:
        """List services, nodes, networks and (some) tasks in a handful of calls.

        Tasks of services that look sick come always, those of the others in rotation.
        Raises Temporary or Permanent.
        """
        ...

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """Read one service and its tasks afresh.

        Raises Gone when it is: the caller then forgets it. Raises Temporary when
        it cannot be told.
        """
        ...

    async def apply(self, action: Action) -> Service:
        """Do it, if the service is still at `action.version`; answer the service after it.

        Reads the service anew, changes what the action names and nothing else. Raises
        Conflict when it was written since, OutcomeUnknown when no answer came to the
        write, Temporary when nothing was sent, Permanent when it was refused.
        """
        ...

    async def template(self, service_id: str) -> Template:
        """Read the task template that a service has now, whole.

        Raises Gone when the service is, Temporary when it cannot be told.
        """
        ...

    async def restore(self, action: Action, template: Template) -> Service:
        """Give a service an earlier template back; answer the service after it.

        As `apply`, and nothing but the template changes: the replicas stay as they are, the
        restart counter never falls, and the credentials for the registry stay. What the
        template names (secrets, configs) must still be there: else raises Refused, and nothing
        was changed.
        """
        ...

    def events(self) -> AsyncIterator[Event]:
        """Hints, for ever.

        The first event, and the first after each reconnection, has no service, the kind
        `stream` and the action `resync`: anything may have happened before. An event of a
        service has the kind `service` and the action `create`, `update` or `remove`.
        """
        ...

    async def close(self) -> None:
        """Give back connections; idempotent."""
        ...


@runtime_checkable
class PolicyKeeper(Protocol):
    """What an orchestrator may be too: a place where policies are kept, beside files."""

    async def policies(self) -> Mapping[str, bytes]:
        """The text of each policy file that the cluster keeps, by its name there.

        Raises Temporary or Permanent: not known is not none.
        """
        ...


class Store(Protocol):
    """What survives a restart. A write that has returned survives a kill of the process."""

    async def memories(self) -> Mapping[str, Memory]:
        """What is remembered, by service id."""
        ...

    async def record(
        self,
        *,
        memories: Mapping[str, Memory] = ...,
        records: Sequence[Record] = ...,
        intents: Sequence[Intent] = ...,
        at: float | None = ...,
    ) -> None:
        """Store changed memories, new decisions and intents in one transaction.

        `at` is the time of the pass that they come from.

        Raises Temporary when nothing was stored (disk full, locked): then nothing may be
        done either. Raises OutcomeUnknown when it was late: an intent that is found open
        then is settled by reading, like any other. An intent belongs to the decision of the
        same service and time.
        """
        ...

    async def give(self, order: Order) -> None:
        """Let an order by hand stand, in place of one of its kind about the same service."""
        ...

    async def withdraw(self, kind: OrderKind, service: str = "") -> bool:
        """Withdraw an order, by the service's name or, if empty, about all; whether it stood."""
        ...

    async def orders(self) -> Sequence[Order]:
        """The orders that stand, also those that another process has given. Asked each pass."""
        ...

    async def passed_at(self) -> float | None:
        """When the last pass was made, in Unix seconds; None before the first."""
        ...

    async def settle(
        self, intent: Intent, outcome: Outcome, detail: str, at: float, memory: Memory | None
    ) -> None:
        """Store how an intent ended, and the memory that follows, in one transaction.

        May be called again for the same intent: the last word counts.
        """
        ...

    async def open_intents(self) -> Sequence[Intent]:
        """Intents without an outcome, oldest first."""
        ...

    async def last(self, service: str) -> Record | None:
        """The record of a service, by name, that was stored last."""
        ...

    async def last_change(self, service: str) -> tuple[Record, Outcome | None] | None:
        """The newest record of a service, by name, whose action was tried, and its outcome."""
        ...

    async def last_by_service(self) -> Mapping[str, Decision]:
        """The decision of each service that was stored last, by the service's name."""
        ...

    async def history(
        self, *, service: str | None = None, since: float = 0.0, limit: int = 100
    ) -> Sequence[tuple[Decision, Outcome | None]]:
        """Stored decisions, newest first, with the outcome of their action if any."""
        ...

    async def keep(self, service_id: str, template: Template, at: float, most: int) -> None:
        """Keep the template of a release that has proved itself at this time.

        Of each service the newest `most` are kept. Raises Permanent for one that is too large.
        """
        ...

    async def revisions(self) -> Mapping[str, tuple[Revision, ...]]:
        """What is kept, by service id, oldest first; without the templates."""
        ...

    async def template(self, service_id: str, release: str) -> Template | None:
        """The template of a release, if it is kept. It may hold secrets: for `restore` only."""
        ...

    async def forget(self, service_ids: Sequence[str]) -> None:
        """Drop what is remembered of services that are gone for good."""
        ...

    async def close(self) -> None:
        """Finish writes and give the file back; idempotent."""
        ...
