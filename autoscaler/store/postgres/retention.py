"""What is dropped: old decisions, and settled intents as old. The rules are those of the file.

A table does not become smaller when rows are dropped, so its size says little. Here decisions
count by their own sizes, whose total is kept with each change.
"""

from __future__ import annotations

from autoscaler.store.postgres.address import Connection
from autoscaler.store.retention import Retention, at_most

_DROP_DECISIONS = """
    with gone as (
        delete from decisions where id in (
            select d.id from decisions d
            where d.at < $1
              and not exists (select 1 from newest n where n.decision = d.id)
              and not exists (select 1 from intents i
                              where i.service = d.service and i.at = d.at and i.outcome is null)
            order by d.at limit $2)
        returning bytes)
    update totals set bytes = bytes - (select coalesce(sum(bytes), 0) from gone)"""

_DROP_INTENTS = """
    delete from intents where number in (
    select i.number from intents i
    where i.at < $1 and i.outcome is not null
      and not exists (select 1 from decisions d where d.service = i.service and d.at = i.at)
    order by i.at limit $2)"""

_AT_OF_THE_NEXT = """
    select d.at from decisions d
    where not exists (select 1 from newest n where n.decision = d.id)
    order by d.at limit 1 offset $1"""


async def prune(connection: Connection, retention: Retention, now: float, recorded: int) -> None:
    """Drop what is too old, or too much; a bounded number for `recorded` new decisions."""
    most = at_most(recorded)
    await _drop(connection, now - retention.max_age, most)
    if await used_bytes(connection) > retention.max_bytes:
        at = await connection.fetchval(_AT_OF_THE_NEXT, most)
        await _drop(connection, now if at is None else at, most)


async def used_bytes(connection: Connection) -> int:
    """Bytes of all decisions that are kept; indexes and other tables come on top."""
    used: int = await connection.fetchval("select bytes from totals")
    return used


async def _drop(connection: Connection, before: float, most: int) -> None:
    await connection.execute(_DROP_DECISIONS, before, most)
    await connection.execute(_DROP_INTENTS, before, most)
