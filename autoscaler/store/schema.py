"""The tables, as numbered migrations: each is applied once, in one transaction.

A migration that has been released is never changed; a new one is added at the end.
"""

from __future__ import annotations

import sqlite3

from autoscaler.errors import Permanent
from autoscaler.store.absent import NoStoreYet
from autoscaler.store.faults import DAMAGED

APPLICATION = 0x41534331
"""Marks a SQLite file as ours ("ASC1"), so that no other program's file is written to."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"pragma application_id = {APPLICATION}",
        # What is remembered of each service, as JSON.
        """create table memories (
               service_id text primary key,
               memory text not null
           ) without rowid""",
        # When the last pass was made: one row.
        "create table passed (only integer primary key check (only = 1), at real not null)",
        # Decisions by themselves for lists, and whole records, compressed, to explain them.
        """create table decisions (
               id integer primary key,
               at real not null,
               service text not null,
               decision text not null,
               record blob not null
           )""",
        "create index decisions_by_time on decisions (at)",
        "create index decisions_by_service on decisions (service, at)",
        # The decision that was stored last of each service; it is never dropped.
        """create table newest (
               service text primary key,
               service_id text not null,
               decision integer not null
           ) without rowid""",
        # An intent belongs to the decision of the same service and time.
        """create table intents (
               id text primary key,
               at real not null,
               service text not null,
               intent text not null,
               outcome text,
               detail text,
               settled_at real
           )""",
        "create index intents_by_time on intents (at)",
        "create index intents_by_service on intents (service, at)",
        "create index intents_open on intents (at) where outcome is null",
    ),
    (
        # What people have ordered by hand, about one service or, with an empty name, all.
        """create table orders (
               kind text not null,
               service text not null,
               given text not null,
               primary key (kind, service)
           ) without rowid""",
    ),
    (
        # Task templates of releases that ran well, as the cluster gave them: may hold secrets.
        """create table revisions (
               service_id text not null,
               release text not null,
               at real not null,
               image text not null,
               template text not null,
               primary key (service_id, release)
           )""",
    ),
    (
        # Alerts as they were told last, as JSON.
        """create table alerts (
               fingerprint text primary key,
               received_at real not null,
               alert text not null
           ) without rowid""",
        "create index alerts_by_time on alerts (received_at)",
    ),
)

_LEDGER = "create table if not exists migrations (number integer primary key)"


def claim(connection: sqlite3.Connection, path: str) -> None:
    """Make sure that a file is empty or ours. Raises Permanent."""
    (application,) = connection.execute("pragma application_id").fetchone()
    if application != APPLICATION and (application or _tables(connection)):
        raise Permanent(
            f"{path} is the database of another program: name another file for the store"
        )


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the tables up to date. Raises Permanent for a file of a newer version.

    After an error the caller closes the connection, and nothing has changed.
    """
    connection.execute("begin immediate")
    connection.execute(_LEDGER)
    for number in range(_version(connection, path) + 1, len(MIGRATIONS) + 1):
        _apply(connection, number)
    connection.execute("commit")


def check(connection: sqlite3.Connection, path: str) -> None:
    """Make sure that a file can be read by this version. Raises Permanent."""
    known = len(MIGRATIONS)
    claim(connection, path)
    if not _tables(connection):
        raise NoStoreYet(f"the store {path} is empty: start the service first")
    found = _version(connection, path)
    if found < known:
        raise Permanent(
            f"the store {path} has schema {found}, this program reads {known}:"
            " start the new version of the service first"
        )


def _apply(connection: sqlite3.Connection, number: int) -> None:
    for statement in MIGRATIONS[number - 1]:
        connection.execute(statement)
    connection.execute("insert into migrations (number) values (?)", (number,))


def _tables(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("select count(*) from sqlite_schema").fetchone()[0]
    return count


def _version(connection: sqlite3.Connection, path: str) -> int:
    numbers = [row[0] for row in connection.execute("select number from migrations order by 1")]
    if len(numbers) > len(MIGRATIONS):
        raise Permanent(
            f"the store {path} has schema {numbers[-1]}, this version knows {len(MIGRATIONS)}:"
            " run the version that wrote it, or a newer one, or name another file"
        )
    if numbers != list(range(1, len(numbers) + 1)):
        raise Permanent(f"the store {path} {DAMAGED} (migrations {numbers})")
    return len(numbers)
