"""The tables, as numbered migrations: each is applied once, all of them in one transaction.

A migration that has been released is never changed; a new one is added at the end. The numbers
are PostgreSQL's own: they have nothing to do with those of the SQLite file.
"""

from __future__ import annotations

from autoscaler.errors import Permanent
from autoscaler.store.absent import NoStoreYet
from autoscaler.store.postgres.address import SCHEMA, Connection
from autoscaler.store.schema import APPLICATION

MIGRATIONS: tuple[str, ...] = (
    """
    -- What is remembered of each service, as JSON.
    create table memories (
        service_id text primary key,
        memory text not null
    );

    -- When the last pass was made: one row.
    create table passed (
        one integer primary key check (one = 1),
        at double precision not null
    );

    -- Decisions by themselves for lists, and whole records, compressed, to explain them.
    create table decisions (
        id bigint generated always as identity primary key,
        at double precision not null,
        service text not null,
        decision text not null,
        record bytea not null,
        bytes integer not null
    );
    alter table decisions alter column record set storage external;
    create index decisions_by_time on decisions (at);
    create index decisions_by_service on decisions (service, at);

    -- What all decisions take together, by their own sizes: one row.
    create table totals (
        one integer primary key check (one = 1),
        bytes bigint not null
    );
    insert into totals (one, bytes) values (1, 0);

    -- The decision that was stored last of each service; it is never dropped.
    create table newest (
        service text primary key,
        service_id text not null,
        decision bigint not null
    );
    create index newest_by_decision on newest (decision);

    -- An intent belongs to the decision of the same service and time.
    create table intents (
        number bigint generated always as identity,
        id text primary key,
        at double precision not null,
        service text not null,
        intent text not null,
        outcome text,
        detail text,
        settled_at double precision
    );
    create index intents_by_time on intents (at);
    create index intents_by_service on intents (service, at);
    create index intents_open on intents (at) where outcome is null;

    -- What people have ordered by hand, about one service or, with an empty name, all.
    create table orders (
        kind text collate "C" not null,
        service text collate "C" not null,
        given text not null,
        primary key (kind, service)
    );

    -- Task templates of releases that ran well, as the cluster gave them: may hold secrets.
    create table revisions (
        service_id text not null,
        release text not null,
        at double precision not null,
        image text not null,
        template text not null,
        primary key (service_id, release)
    );

    -- Alerts as they were told last, as JSON.
    create table alerts (
        fingerprint text primary key,
        received_at double precision not null,
        alert text not null
    );
    create index alerts_by_time on alerts (received_at);

    -- How often the right to act has been taken: one row.
    create table tenure (
        one integer primary key check (one = 1),
        term bigint not null
    );
    """,
)

_LOCK = (APPLICATION, 2)
"""Held while tables are made, so that two processes do not make them at once."""


async def migrate(connection: Connection, place: str) -> None:
    """Bring the tables up to date. Raises Permanent for those of a newer version, or of others."""
    async with connection.transaction():
        await connection.execute(f"select pg_advisory_xact_lock({_LOCK[0]}, {_LOCK[1]})")
        found = await _version(connection, place)
        if not found:
            await connection.execute(f"create schema if not exists {SCHEMA}")
            await connection.execute("create table migrations (number integer primary key)")
        for number in range(found + 1, len(MIGRATIONS) + 1):
            await connection.execute(MIGRATIONS[number - 1])
            await connection.execute("insert into migrations (number) values ($1)", number)


async def begin(connection: Connection, place: str) -> None:
    """Make the tables where there are none; else they must be this version's.

    For a process beside the service, which must not be overtaken. Raises Permanent.
    """
    try:
        await check(connection, place)
    except NoStoreYet:
        await migrate(connection, place)


async def check(connection: Connection, place: str) -> None:
    """Make sure that the tables can be read by this version. Raises Permanent."""
    found = await _version(connection, place)
    if not found:
        raise NoStoreYet(f"the store {place} is empty: start the service first")
    if found < len(MIGRATIONS):
        raise Permanent(
            f"the store {place} has schema {found}, this program reads {len(MIGRATIONS)}:"
            " start the new version of the service first"
        )


async def _version(connection: Connection, place: str) -> int:
    tables = await connection.fetch("select tablename from pg_tables where schemaname = $1", SCHEMA)
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise Permanent(f"the database {place} has the encoding {encoding}: make one with UTF8")
    if not tables:
        return 0
    if "migrations" not in {row[0] for row in tables}:
        raise Permanent(
            f"the schema {SCHEMA} of {place} is another program's: name another database"
        )
    rows = await connection.fetch("select number from migrations order by 1")
    return _whole([row[0] for row in rows], place)


def _whole(numbers: list[int], place: str) -> int:
    if len(numbers) > len(MIGRATIONS):
        raise Permanent(
            f"the store {place} has schema {numbers[-1]}, this version knows {len(MIGRATIONS)}:"
            " run the version that wrote it, or a newer one, or name another database"
        )
    if numbers != list(range(1, len(numbers) + 1)):
        raise Permanent(f"the store {place} is damaged (migrations {numbers}): restore a backup")
    return len(numbers)
