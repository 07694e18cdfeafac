"""What the store must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from autoscaler.model import (
    Alert,
    Decision,
    Intent,
    Memory,
    Order,
    OrderKind,
    Outcome,
    Reception,
    Record,
    Revision,
    Template,
)


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

    async def withdraw(
        self, kind: OrderKind, service: str = "", *, given_at: float | None = None
    ) -> bool:
        """Withdraw an order, by the service's name or, if empty, about all; whether it stood.

        With `given_at` only the one of that time: another may have taken its place since.
        """
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

    async def recorded(self, service: str, at: float) -> tuple[Record, Outcome | None] | None:
        """The record of a service, by name, of just this time, and how its action ended."""
        ...

    async def last_by_service(
        self, services: Collection[str] | None = ...
    ) -> Mapping[str, Decision]:
        """The decision of each service, or of some, that was stored last, by the service's name."""
        ...

    async def history(
        self,
        *,
        service: str | None = None,
        since: float = 0.0,
        until: float = float("inf"),
        offset: int = 0,
        limit: int = 100,
    ) -> Sequence[tuple[Decision, Outcome | None]]:
        """Stored decisions, newest first, with the outcome of their action if any.

        Those from `since` to `until`, both included, in Unix seconds, without the newest `offset`
        of them, and at most `limit`. Of one that this version cannot read only its time and
        service are told.
        """
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

    async def receive(
        self, alerts: Sequence[Alert], at: float, kept: float = ..., late: float = ...
    ) -> Sequence[Reception]:
        """Take alerts in, in one transaction; answer what became of each, in order.

        `model.all_taken` says what becomes of them; `late` is as there, 0 for what is known to
        be of now. What was told more than `kept` seconds
        before `at` is dropped, and of new alerts none is taken above `model.MOST_ALERTS`.
        Raises Temporary or Permanent when nothing was stored, OutcomeUnknown when it was late:
        then all may be told again.
        """
        ...

    async def alerts(self) -> Sequence[Alert]:
        """The alerts that are known, firing or resolved; the one told last at the end."""
        ...

    async def alerts_after(self, fingerprint: str, most: int) -> Sequence[Alert]:
        """Some of these alerts in an order of their fingerprints: the next ones, or the first."""
        ...

    async def forget(self, service_ids: Sequence[str]) -> None:
        """Drop what is remembered of services that are gone for good."""
        ...

    async def close(self) -> None:
        """Finish writes and give the file back; idempotent."""
        ...
