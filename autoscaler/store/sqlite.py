"""The Store port on one SQLite file."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Self

from autoscaler.errors import Permanent
from autoscaler.model import (
    KEPT,
    LATE,
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
from autoscaler.store import alerts as received
from autoscaler.store import queries, revisions
from autoscaler.store.file import Connect, connect_to_read, connect_to_write
from autoscaler.store.filesystem import Probe, kind_of
from autoscaler.store.retention import Retention, prune
from autoscaler.store.rows import MOST_LISTED, not_too_large
from autoscaler.store.worker import T, Work, Worker, one_thread

_BUSY_SHARE = 0.5
"""How much of the deadline may be spent on waiting for another process's lock."""


class SqliteStore:
    """Memories, decisions and intents in one file, for one writing process.

    Every call raises Temporary when another try may succeed (disk full, locked, late) and
    Permanent when somebody must act (damaged, not writable, closed); the message says how.
    """

    def __init__(self, worker: Worker, retention: Retention, *, read_only: bool) -> None:
        self._worker = worker
        self._retention = retention
        self._read_only = read_only

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        read_only: bool = False,
        retention: Retention | None = None,
        deadline: float = 10.0,
        connect: Connect = sqlite3.connect,
        probe: Probe = kind_of,
        thread: Callable[[], Executor] = one_thread,
    ) -> Self:
        """Open the file, created with mode 0600 if need be; `:memory:` leaves no trace.

        `read_only` is for looking at the file while the service writes to it. `deadline` is
        in seconds and holds for every call. `thread` makes what runs them, one at a time.
        Raises Temporary or Permanent.
        """
        worker = Worker(str(path), deadline, thread)
        busy = deadline * _BUSY_SHARE
        if read_only:
            await worker.open(partial(connect_to_read, str(path), connect, busy))
        else:
            await worker.open(partial(connect_to_write, str(path), connect, busy, probe))
        return cls(worker, retention or Retention(), read_only=read_only)

    async def memories(self) -> Mapping[str, Memory]:
        """What is remembered, by service id."""
        return await self._worker.read(queries.load_memories)

    async def record(
        self,
        *,
        memories: Mapping[str, Memory] | None = None,
        records: Sequence[Record] = (),
        intents: Sequence[Intent] = (),
        at: float | None = None,
    ) -> None:
        """Store changed memories, new decisions and intents in one transaction.

        `at` is the time of the pass that they come from, and is stored for `passed_at`.
        OutcomeUnknown (a Temporary) says that the deadline passed while they were being
        stored: an intent may then be found open later, though nothing was done.
        """

        def save(connection: sqlite3.Connection) -> None:
            queries.save_memories(connection, memories or {})
            queries.save_records(connection, records)
            queries.save_intents(connection, intents)
            if at is not None:
                queries.save_passed(connection, at)
            if records:
                now = max(record.decision.at for record in records)
                prune(connection, self._retention, now, len(records))

        if memories or records or intents or at is not None:
            await self._write(save)

    async def give(self, order: Order) -> None:
        """Let an order stand, in place of one of its kind about the same service."""
        await self._write(partial(queries.save_order, order=order))

    async def withdraw(
        self, kind: OrderKind, service: str = "", *, given_at: float | None = None
    ) -> bool:
        """Withdraw an order, by the service's name or, if empty, about all; whether it stood.

        With `given_at` only the one of that time: another may have taken its place since.
        """
        drop = partial(queries.drop_order, kind=kind, service=service, given_at=given_at)
        return await self._write(drop)

    async def orders(self) -> Sequence[Order]:
        """The orders that stand, also those that another process has given."""
        return await self._worker.read(queries.load_orders)

    async def passed_at(self) -> float | None:
        """When the last pass was made, in Unix seconds; None before the first."""
        return await self._worker.read(queries.load_passed)

    async def settle(
        self, intent: Intent, outcome: Outcome, detail: str, at: float, memory: Memory | None
    ) -> None:
        """Store how an intent ended, and the memory that follows, in one transaction.

        May be called again for the same intent: the last word counts.
        """

        def save(connection: sqlite3.Connection) -> None:
            queries.settle(connection, intent, outcome, detail, at)
            if memory is not None:
                queries.save_memories(connection, {intent.action.service_id: memory})

        await self._write(save)

    async def open_intents(self) -> Sequence[Intent]:
        """Intents without an outcome, oldest first."""
        return await self._worker.read(queries.open_intents)

    async def last(self, service: str) -> Record | None:
        """The record of a service, by name, that was stored last."""
        return await self._worker.read(partial(queries.last, service=service))

    async def last_change(self, service: str) -> tuple[Record, Outcome | None] | None:
        """The newest record of a service, by name, whose action was tried, and its outcome."""
        return await self._worker.read(partial(queries.last_change, service=service))

    async def recorded(self, service: str, at: float) -> tuple[Record, Outcome | None] | None:
        """The record of a service, by name, of just this time, and how its action ended."""
        return await self._worker.read(partial(queries.recorded, service=service, at=at))

    async def last_by_service(
        self, services: Collection[str] | None = None
    ) -> Mapping[str, Decision]:
        """The decision of each service, or of some, that was stored last, by the service's name."""
        return await self._worker.read(partial(queries.last_by_service, services=services))

    async def history(
        self,
        *,
        service: str | None = None,
        since: float = 0.0,
        until: float = math.inf,
        offset: int = 0,
        limit: int = 100,
    ) -> Sequence[tuple[Decision, Outcome | None]]:
        """Stored decisions, newest first, with the outcome of their action if any.

        Those from `since` to `until`, both included, in Unix seconds, without the newest `offset`
        of them, and at most `limit`, which is 10,000 at most.
        """
        part = (max(0, min(limit, MOST_LISTED)), max(0, offset))
        query = partial(queries.history, service=service, since=since, until=until, part=part)
        return await self._worker.read(query)

    async def keep(self, service_id: str, template: Template, at: float, most: int) -> None:
        """Keep the template of a release that has proved itself at this time.

        Of each service the newest `most` are kept. Raises Permanent for one that is too large.
        """
        not_too_large(template)
        await self._write(lambda file: revisions.keep(file, service_id, template, at, most))

    async def revisions(self) -> Mapping[str, tuple[Revision, ...]]:
        """What is kept, by service id, oldest first; without the templates."""
        return await self._worker.read(revisions.listed)

    async def template(self, service_id: str, release: str) -> Template | None:
        """The template of a release, if it is kept."""
        query = partial(revisions.load, service_id=service_id, release=release)
        return await self._worker.read(query)

    async def receive(
        self, alerts: Sequence[Alert], at: float, kept: float = KEPT, late: float = LATE
    ) -> Sequence[Reception]:
        """Take alerts in, in one transaction; answer what became of each, in order.

        What was told more than `kept` seconds before `at` is dropped.
        """
        take = partial(received.receive, told=alerts, at=at, kept=kept, late=late)
        return await self._write(take)

    async def alerts(self) -> Sequence[Alert]:
        """The alerts that are known, firing or resolved; the one told last at the end."""
        return await self._worker.read(received.listed)

    async def alerts_after(self, fingerprint: str, most: int) -> Sequence[Alert]:
        """Some of these alerts in an order of their fingerprints: the next ones, or the first."""
        query = partial(received.following, fingerprint=fingerprint, most=most)
        return await self._worker.read(query)

    async def forget(self, service_ids: Sequence[str]) -> None:
        """Drop what is remembered of services that are gone for good."""

        def drop(connection: sqlite3.Connection) -> None:
            queries.forget(connection, service_ids)
            revisions.forget(connection, service_ids)

        await self._write(drop)

    async def close(self) -> None:
        """Finish writes and give the file back; idempotent."""
        await self._worker.close()

    async def _write(self, save: Work[T]) -> T:
        if self._read_only:
            raise Permanent(f"the store {self._worker.path} was opened for reading only")
        return await self._worker.write(save)
