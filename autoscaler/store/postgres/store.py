"""The Store port on a PostgreSQL database."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from autoscaler.errors import Permanent, Temporary
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
from autoscaler.store.postgres import alerts as received
from autoscaler.store.postgres import queries, revisions, schema
from autoscaler.store.postgres.address import Connection, read_address
from autoscaler.store.postgres.faults import ERRORS, fault
from autoscaler.store.postgres.line import Line, Work
from autoscaler.store.postgres.retention import prune
from autoscaler.store.postgres.tenure import Tenure
from autoscaler.store.postgres.writer import MOST_WAITING, Writer
from autoscaler.store.retention import Retention
from autoscaler.store.rows import MOST_LISTED, not_too_large

T = TypeVar("T")
GiveWay = Callable[[Permanent], None]


class PostgresStore:
    """Memories, decisions and intents in one database: one process acts, others may look.

    Every call raises Temporary when another try may succeed (server away, disk full, late) and
    Permanent when somebody must act (no access, closed); the message says how. Two connections:
    one for changes, one for questions.
    """

    def __init__(self, reading: Line, writer: Writer | None, retention: Retention) -> None:
        self._reading = reading
        self._writer = writer
        self._retention = retention
        self._asked = 0
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        acting: GiveWay | None = None,
        password_file: Path | None = None,
        retention: Retention | None = None,
        deadline: float = 10.0,
    ) -> Self:
        """Log in, and make the tables if need be.

        `acting` is for the controller: no other one may act on the same database meanwhile,
        and it is called once if another did while our connection was broken. The password in
        `password_file`, where there is one, stands above that of the URL. `deadline` is in
        seconds and holds for every call. Raises Temporary or Permanent.
        """
        address = read_address(url, password_file, deadline)
        reading = Line(address, read_only=True)
        if read_only:
            store = cls(reading, None, retention or Retention())
            await store._begun(store._read(partial(schema.check, place=address.shown)))
            return store
        take = Tenure(address.shown, acting).take if acting else None
        greet = take or partial(schema.begin, place=address.shown)
        writer = Writer(Line(address, read_only=False, greet=greet))
        store = cls(reading, writer, retention or Retention())
        await store._begun(writer.write(_nothing))
        return store

    async def _begun(self, first: Awaitable[None]) -> None:
        try:
            await first
        except BaseException:
            await self.close()
            raise

    async def memories(self) -> Mapping[str, Memory]:
        """What is remembered, by service id."""
        return await self._read(queries.load_memories)

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
        OutcomeUnknown (a Temporary) says that the deadline passed or the connection broke
        while they were being stored: an intent may then be found open later, though nothing
        was done.
        """

        async def save(connection: Connection) -> None:
            await queries.save_memories(connection, memories or {})
            if records:
                await self._save_records(connection, records)
            if intents:
                await queries.save_intents(connection, intents)
            if at is not None:
                await queries.save_passed(connection, at)

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
        return await self._read(queries.load_orders)

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
        return await self._read(received.listed)

    async def alerts_after(self, fingerprint: str, most: int) -> Sequence[Alert]:
        """Some of these alerts in an order of their fingerprints: the next ones, or the first."""
        return await self._read(partial(received.following, fingerprint=fingerprint, most=most))

    async def passed_at(self) -> float | None:
        """When the last pass was made, in Unix seconds; None before the first."""
        return await self._read(queries.load_passed)

    async def settle(
        self, intent: Intent, outcome: Outcome, detail: str, at: float, memory: Memory | None
    ) -> None:
        """Store how an intent ended, and the memory that follows, in one transaction.

        May be called again for the same intent: the last word counts.
        """

        async def save(connection: Connection) -> None:
            await queries.settle(connection, intent, outcome, detail, at)
            if memory is not None:
                await queries.save_memories(connection, {intent.action.service_id: memory})

        await self._write(save)

    async def open_intents(self) -> Sequence[Intent]:
        """Intents without an outcome, oldest first."""
        return await self._read(queries.open_intents)

    async def last(self, service: str) -> Record | None:
        """The record of a service, by name, that was stored last."""
        return await self._read(partial(queries.last, service=service))

    async def last_change(self, service: str) -> tuple[Record, Outcome | None] | None:
        """The newest record of a service, by name, whose action was tried, and its outcome."""
        return await self._read(partial(queries.last_change, service=service))

    async def recorded(self, service: str, at: float) -> tuple[Record, Outcome | None] | None:
        """The record of a service, by name, of just this time, and how its action ended."""
        return await self._read(partial(queries.recorded, service=service, at=at))

    async def last_by_service(
        self, services: Collection[str] | None = None
    ) -> Mapping[str, Decision]:
        """The decision of each service, or of some, that was stored last, by the service's name."""
        return await self._read(partial(queries.last_by_service, services=services))

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
        return await self._read(query)

    async def keep(self, service_id: str, template: Template, at: float, most: int) -> None:
        """Keep the template of a release that has proved itself at this time.

        Of each service the newest `most` are kept. Raises Permanent for one that is too large.
        """
        not_too_large(template)
        await self._write(lambda line: revisions.keep(line, service_id, template, at, most))

    async def revisions(self) -> Mapping[str, tuple[Revision, ...]]:
        """What is kept, by service id, oldest first; without the templates."""
        return await self._read(revisions.listed)

    async def template(self, service_id: str, release: str) -> Template | None:
        """The template of a release, if it is kept."""
        return await self._read(partial(revisions.load, service_id=service_id, release=release))

    async def forget(self, service_ids: Sequence[str]) -> None:
        """Drop what is remembered of services that are gone for good."""

        async def drop(connection: Connection) -> None:
            await queries.forget(connection, service_ids)
            await revisions.forget(connection, service_ids)

        await self._write(drop)

    async def close(self) -> None:
        """Finish writes and end the connections; idempotent."""
        if not self._closed:
            self._closed = True
            if self._writer is not None:
                await self._writer.close()
            await self._reading.close()

    async def _save_records(self, connection: Connection, records: Sequence[Record]) -> None:
        await queries.save_records(connection, records)
        now = max(record.decision.at for record in records)
        await prune(connection, self._retention, now, len(records))

    async def _write(self, work: Work[T]) -> T:
        self._admit()
        if self._writer is None:
            raise Permanent(f"the store {self._place} was opened for reading only")
        return await self._writer.write(work)

    async def _read(self, work: Work[T]) -> T:
        self._admit()
        if self._asked >= MOST_WAITING:
            raise Temporary(f"the store {self._place} is too slow: {self._asked} questions wait")
        self._asked += 1
        try:
            async with asyncio.timeout(self._reading.address.deadline):
                return await self._reading.use(work)
        except ERRORS as error:
            raise fault(self._place, error) from error
        finally:
            self._asked -= 1

    @property
    def _place(self) -> str:
        return self._reading.address.shown

    def _admit(self) -> None:
        if self._closed:
            raise Permanent(f"the store {self._place} is closed")


async def _nothing(connection: Connection) -> None:
    """To have a connection is all."""
