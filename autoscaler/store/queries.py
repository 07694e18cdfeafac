"""What is asked of the tables. Each call runs inside of the worker's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence

from autoscaler import records
from autoscaler.model import Decision, Intent, Memory, Order, OrderKind, Outcome, Record
from autoscaler.store.rows import ended, named, packed, past, readable, unpacked

_SAVE_MEMORY = "insert or replace into memories (service_id, memory) values (?, ?)"
_SAVE_DECISION = "insert into decisions (at, service, decision, record) values (?, ?, ?, ?)"
_SAVE_NEWEST = "insert or replace into newest (service, service_id, decision) values (?, ?, ?)"
_SAVE_INTENT = "insert or ignore into intents (id, at, service, intent) values (?, ?, ?, ?)"
_SETTLE = "update intents set outcome = ?, detail = ?, settled_at = ? where id = ?"
_HISTORY = """
    select d.at, d.service, d.decision, (select i.outcome from intents i
                        where i.service = d.service and i.at = d.at
                        order by i.rowid desc limit 1)
    from decisions d where d.at >= ? and d.at <= ? {of_service}
    order by d.at desc, d.id desc limit ? offset ?"""

_LAST_CHANGE = """
    select d.record, i.outcome
    from intents i join decisions d on d.service = i.service and d.at = i.at
    where i.service = ? order by i.at desc, i.rowid desc limit 1"""

_RECORDED = """
    select d.record, (select i.outcome from intents i
                      where i.service = d.service and i.at = d.at
                      order by i.rowid desc limit 1)
    from decisions d where d.service = ? and d.at = ? order by d.id desc limit 1"""

_NEWEST = """
    select n.service, d.decision from newest n join decisions d on d.id = n.decision"""
_OF_SOME = " where n.service in (select value from json_each(?))"


def save_memories(connection: sqlite3.Connection, memories: Mapping[str, Memory]) -> None:
    """Store memories by service id, in place of what was remembered before."""
    rows = ((service_id, records.dump(memory)) for service_id, memory in memories.items())
    connection.executemany(_SAVE_MEMORY, rows)


def load_memories(connection: sqlite3.Connection) -> dict[str, Memory]:
    """All memories by service id. Raises Invalid with the service's id."""
    return {
        service_id: named(f"the memory of service {service_id}", Memory, text)
        for service_id, text in connection.execute("select service_id, memory from memories")
    }


def save_order(connection: sqlite3.Connection, order: Order) -> None:
    """Let an order stand, in place of the one like it that was given before."""
    row = (order.kind.value, order.service, records.dump(order))
    connection.execute("insert or replace into orders (kind, service, given) values (?, ?, ?)", row)


def drop_order(
    connection: sqlite3.Connection, kind: OrderKind, service: str, given_at: float | None
) -> bool:
    """Withdraw an order, if it is the one of that time; whether it stood."""
    where, key = "from orders where kind = ? and service = ?", (kind.value, service)
    row = connection.execute(f"select given {where}", key).fetchone()
    if row is None or given_at not in (None, records.load(Order, row[0]).at):
        return False
    connection.execute(f"delete {where}", key)
    return True


def load_orders(connection: sqlite3.Connection) -> list[Order]:
    """The orders that stand. Raises Invalid with the order's place."""
    rows = connection.execute("select kind, service, given from orders order by kind, service")
    return [named(f"the order {kind} {service}", Order, text) for kind, service, text in rows]


def save_passed(connection: sqlite3.Connection, at: float) -> None:
    """Store when the last pass was made."""
    connection.execute("insert or replace into passed (only, at) values (1, ?)", (at,))


def load_passed(connection: sqlite3.Connection) -> float | None:
    """When the last pass was made, if any was."""
    row = connection.execute("select at from passed").fetchone()
    return None if row is None else float(row[0])


def save_records(connection: sqlite3.Connection, new: Iterable[Record]) -> None:
    """Store decisions with all that they were made from."""
    for record in new:
        decision = record.decision
        row = (decision.at, decision.service, records.dump(decision), packed(record))
        number = connection.execute(_SAVE_DECISION, row).lastrowid
        connection.execute(_SAVE_NEWEST, (decision.service, decision.service_id, number))


def save_intents(connection: sqlite3.Connection, intents: Iterable[Intent]) -> None:
    """Store what is about to be done; an intent that is known keeps its outcome."""
    rows = ((i.id, i.at, i.action.service, records.dump(i)) for i in intents)
    connection.executemany(_SAVE_INTENT, rows)


def settle(
    connection: sqlite3.Connection, intent: Intent, outcome: Outcome, detail: str, at: float
) -> None:
    """Store how an intent ended, whether or not it was known; the last word counts."""
    save_intents(connection, [intent])
    connection.execute(_SETTLE, (outcome.value, detail, at, intent.id))


def open_intents(connection: sqlite3.Connection) -> list[Intent]:
    """Intents without an outcome, oldest first. Raises Invalid with the intent's id."""
    rows = connection.execute(
        "select id, intent from intents where outcome is null order by at, rowid"
    )
    return [named(f"the intent {number}", Intent, text) for number, text in rows]


def last(connection: sqlite3.Connection, service: str) -> Record | None:
    """The record of a service that was stored last. Raises Invalid."""
    row = connection.execute(
        "select d.record from newest n join decisions d on d.id = n.decision where n.service = ?",
        (service,),
    ).fetchone()
    return unpacked(service, row[0]) if row else None


def last_change(
    connection: sqlite3.Connection, service: str
) -> tuple[Record, Outcome | None] | None:
    """The newest record of a service with an intent, and how that ended. Raises Invalid."""
    row = connection.execute(_LAST_CHANGE, (service,)).fetchone()
    return (unpacked(service, row[0]), ended(row[1])) if row else None


def recorded(
    connection: sqlite3.Connection, service: str, at: float
) -> tuple[Record, Outcome | None] | None:
    """The record of a service of this time, and how its action ended. Raises Invalid."""
    row = connection.execute(_RECORDED, (service, at)).fetchone()
    return (unpacked(service, row[0]), ended(row[1])) if row else None


def last_by_service(
    connection: sqlite3.Connection, services: Collection[str] | None
) -> dict[str, Decision]:
    """The decision that was stored last of each service, or of some, by the service's name."""
    if services is None:
        rows = connection.execute(_NEWEST)
    else:
        rows = connection.execute(_NEWEST + _OF_SOME, (json.dumps([*services]),))
    found = ((service, readable(text)) for service, text in rows)
    return {service: decision for service, decision in found if decision}


def history(
    connection: sqlite3.Connection,
    service: str | None,
    since: float,
    until: float,
    part: tuple[int, int],
) -> list[tuple[Decision, Outcome | None]]:
    """Decisions, newest first; `part` is how many at most, and how many are passed over first."""
    of_service, names = ("", []) if service is None else ("and d.service = ?", [service])
    query = _HISTORY.format(of_service=of_service)
    return [past(*row) for row in connection.execute(query, [since, until, *names, *part])]


def forget(connection: sqlite3.Connection, service_ids: Sequence[str]) -> None:
    """Drop memories, and let the newest decisions of these services age like others."""
    rows = [(service_id,) for service_id in service_ids]
    connection.executemany("delete from memories where service_id = ?", rows)
    connection.executemany("delete from newest where service_id = ?", rows)
