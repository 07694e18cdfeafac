"""What is dropped: old decisions, and settled intents as old.

Never dropped: memories, intents without an outcome, and the newest decision of each service.
A little is dropped with each write of decisions, so no write takes long.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

_DROPPED_PER_RECORD = 2
_DROPPED_AT_LEAST = 20

_DROP_DECISIONS = """
    delete from decisions where id in (
    select d.id from decisions d
    where d.at < ?
      and d.id not in (select decision from newest)
      and not exists (select 1 from intents i
                      where i.service = d.service and i.at = d.at and i.outcome is null)
    order by d.at limit ?)"""

_DROP_INTENTS = """
    delete from intents where rowid in (
    select i.rowid from intents i
    where i.at < ? and i.outcome is not null
      and not exists (select 1 from decisions d where d.service = i.service and d.at = i.at)
    order by i.at limit ?)"""

_AT_OF_THE_NEXT = """
    select at from decisions where id not in (select decision from newest)
    order by at limit 1 offset ?"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the past is kept."""

    max_age: float = 14 * 86400.0
    """Seconds after which a decision is dropped, by the time of the newest one."""
    max_bytes: int = 256 * 1024 * 1024
    """Size of the file's used part above which the oldest decisions are dropped first."""


def at_most(recorded: int) -> int:
    """How much is dropped with so many new decisions: a little more than comes in."""
    return _DROPPED_AT_LEAST + _DROPPED_PER_RECORD * recorded


def prune(connection: sqlite3.Connection, retention: Retention, now: float, recorded: int) -> None:
    """Drop what is too old, or too much; a bounded number for `recorded` new decisions."""
    most = at_most(recorded)
    _drop(connection, now - retention.max_age, most)
    if used_bytes(connection) > retention.max_bytes:
        row = connection.execute(_AT_OF_THE_NEXT, (most,)).fetchone()
        _drop(connection, row[0] if row else now, most)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the file in use; pages that were given up are used again first."""
    pages, free, size = (
        connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    used: int = (pages - free) * size
    return used


def _drop(connection: sqlite3.Connection, before: float, most: int) -> None:
    connection.execute(_DROP_DECISIONS, (before, most))
    connection.execute(_DROP_INTENTS, (before, most))
