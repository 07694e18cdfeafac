"""What is asked of the tables. Changes run inside of the writer's transaction.

Values are written and read in a thread: many at once would hold the loop up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from autoscaler import records
from autoscaler.model import Decision, Intent, Memory, Order, OrderKind, Outcome, Record
from autoscaler.store.postgres.address import Connection
from autoscaler.store.rows import ended, named, packed, past, readable, unpacked

_SAVE_MEMORIES = """
    insert into memories (service_id, memory) select * from unnest($1::text[], $2::text[])
    on conflict (service_id) do update set memory = excluded.memory"""
_SAVE_ORDER = """
    insert into orders (kind, service, given) values ($1, $2, $3)
    on conflict (kind, service) do update set given = excluded.given"""
_SAVE_PASSED = """
    insert into passed (one, at) values (1, $1)
    on conflict (one) do update set at = excluded.at"""
_SAVE_DECISION = """
    with saved as (
        insert into decisions (at, service, decision, record, bytes)
        values ($1, $2, $3, $4, $5) returning id)
    insert into newest (service, service_id, decision) select $2, $6, id from saved
    on conflict (service) do update
    set service_id = excluded.service_id, decision = excluded.decision"""
_SAVE_INTENT = """
    insert into intents (id, at, service, intent) values ($1, $2, $3, $4)
    on conflict (id) do nothing"""
_SETTLE = "update intents set outcome = $1, detail = $2, settled_at = $3 where id = $4"
_HISTORY = """
    select d.at, d.service, d.decision, (select i.outcome from intents i
                        where i.service = d.service and i.at = d.at
                        order by i.number desc limit 1)
    from decisions d where d.at >= $1 and d.at <= $2 and ($3::text is null or d.service = $3)
    order by d.at desc, d.id desc limit $4 offset $5"""
_RECORDED = """
    select d.record, (select i.outcome from intents i
                      where i.service = d.service and i.at = d.at
                      order by i.number desc limit 1)
    from decisions d where d.service = $1 and d.at = $2 order by d.id desc limit 1"""
_NEWEST = """
    select n.service, d.decision from newest n join decisions d on d.id = n.decision
    where $1::text[] is null or n.service = any($1)"""
_LAST = """
    select d.record from newest n join decisions d on d.id = n.decision where n.service = $1"""
_LAST_CHANGE = """
    select d.record, i.outcome
    from intents i join decisions d on d.service = i.service and d.at = i.at
    where i.service = $1 order by i.at desc, i.number desc limit 1"""


async def save_memories(connection: Connection, memories: Mapping[str, Memory]) -> None:
    """Store memories by service id, in place of what was remembered before."""

    def dumped() -> list[str]:
        return [records.dump(memory) for memory in memories.values()]

    if memories:
        texts = await asyncio.to_thread(dumped)
        await connection.execute(_SAVE_MEMORIES, list(memories), texts)


async def load_memories(connection: Connection) -> dict[str, Memory]:
    """All memories by service id. Raises Invalid with the service's id."""
    rows = await connection.fetch("select service_id, memory from memories")

    def read() -> dict[str, Memory]:
        return {key: named(f"the memory of service {key}", Memory, text) for key, text in rows}

    return await asyncio.to_thread(read)


async def save_order(connection: Connection, order: Order) -> None:
    """Let an order stand, in place of the one like it that was given before."""
    await connection.execute(_SAVE_ORDER, order.kind.value, order.service, records.dump(order))


async def drop_order(
    connection: Connection, kind: OrderKind, service: str, given_at: float | None
) -> bool:
    """Withdraw an order, if it is the one of that time; whether it stood."""
    where, key = "from orders where kind = $1 and service = $2", (kind.value, service)
    given = await connection.fetchval(f"select given {where} for update", *key)
    if given is None or given_at not in (None, records.load(Order, given).at):
        return False
    await connection.execute(f"delete {where}", *key)
    return True


async def load_orders(connection: Connection) -> list[Order]:
    """The orders that stand. Raises Invalid with the order's place."""
    rows = await connection.fetch("select kind, service, given from orders order by kind, service")
    return [named(f"the order {kind} {service}", Order, text) for kind, service, text in rows]


async def save_passed(connection: Connection, at: float) -> None:
    """Store when the last pass was made."""
    await connection.execute(_SAVE_PASSED, at)


async def load_passed(connection: Connection) -> float | None:
    """When the last pass was made, if any was."""
    found: float | None = await connection.fetchval("select at from passed")
    return found


async def save_records(connection: Connection, new: Sequence[Record]) -> None:
    """Store decisions with all that they were made from."""
    rows = await asyncio.to_thread(lambda: [_row(record) for record in new])
    await connection.executemany(_SAVE_DECISION, rows)
    size = sum(row[4] for row in rows)
    await connection.execute("update totals set bytes = bytes + $1", size)


def _row(record: Record) -> tuple[Any, ...]:
    decision = record.decision
    told, whole = records.dump(decision), packed(record)
    size = len(told) + len(whole)
    return decision.at, decision.service, told, whole, size, decision.service_id


async def save_intents(connection: Connection, intents: Sequence[Intent]) -> None:
    """Store what is about to be done; an intent that is known keeps its outcome."""
    rows = [(i.id, i.at, i.action.service, records.dump(i)) for i in intents]
    await connection.executemany(_SAVE_INTENT, rows)


async def settle(
    connection: Connection, intent: Intent, outcome: Outcome, detail: str, at: float
) -> None:
    """Store how an intent ended, whether or not it was known; the last word counts."""
    await save_intents(connection, [intent])
    await connection.execute(_SETTLE, outcome.value, detail, at, intent.id)


async def open_intents(connection: Connection) -> list[Intent]:
    """Intents without an outcome, oldest first. Raises Invalid with the intent's id."""
    rows = await connection.fetch(
        "select id, intent from intents where outcome is null order by at, number"
    )
    return [named(f"the intent {number}", Intent, text) for number, text in rows]


async def last(connection: Connection, service: str) -> Record | None:
    """The record of a service that was stored last. Raises Invalid."""
    whole = await connection.fetchval(_LAST, service)
    return None if whole is None else unpacked(service, whole)


async def last_change(connection: Connection, service: str) -> tuple[Record, Outcome | None] | None:
    """The newest record of a service with an intent, and how that ended. Raises Invalid."""
    row = await connection.fetchrow(_LAST_CHANGE, service)
    return (unpacked(service, row[0]), ended(row[1])) if row else None


async def recorded(
    connection: Connection, service: str, at: float
) -> tuple[Record, Outcome | None] | None:
    """The record of a service of this time, and how its action ended. Raises Invalid."""
    row = await connection.fetchrow(_RECORDED, service, at)
    return (unpacked(service, row[0]), ended(row[1])) if row else None


async def last_by_service(
    connection: Connection, services: Collection[str] | None
) -> dict[str, Decision]:
    """The decision that was stored last of each service, or of some, by the service's name."""
    rows = await connection.fetch(_NEWEST, None if services is None else [*services])

    def read() -> dict[str, Decision]:
        found = ((service, readable(text)) for service, text in rows)
        return {service: decision for service, decision in found if decision}

    return await asyncio.to_thread(read)


async def history(
    connection: Connection,
    service: str | None,
    since: float,
    until: float,
    part: tuple[int, int],
) -> list[tuple[Decision, Outcome | None]]:
    """Decisions, newest first; `part` is how many at most, and how many are passed over first."""
    rows = await connection.fetch(_HISTORY, since, until, service, *part)
    return await asyncio.to_thread(lambda: [past(*row) for row in rows])


async def forget(connection: Connection, service_ids: Sequence[str]) -> None:
    """Drop memories, and let the newest decisions of these services age like others."""
    for table in ("memories", "newest"):
        await connection.execute(
            f"delete from {table} where service_id = any($1)",  # noqa: S608  names of ours
            list(service_ids),
        )
