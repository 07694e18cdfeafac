"""A program that writes to a store until it is killed; `test_store_survives_kill` runs it.

It reads lines like `{"store": "/some/file", "kill": {"after_ops": 120}}`. For each it forks a
child that writes to that store and dies as told, answers with `{"pid": 4711}`, and then with the
writes that the child acknowledged before, by their numbers: `{"acks": [1, 2, ...]}`. A child dies
after so many steps of the database, in the write that makes a file larger than so many bytes, so
many milliseconds after its first acknowledgement, or when somebody kills it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
import sys
import time
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from autoscaler.model import Memory, Order, OrderKind, Outcome, Receipt
from autoscaler.ports import Store
from autoscaler.store import SqliteStore, open_store
from autoscaler.store.opening import is_database
from autoscaler.testing.contracts.alerts import firing
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record

_ENOUGH = 40
"""Turns after which a child dies anyway."""


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps({"acks": _run(order["store"], order["kill"])}), flush=True)  # noqa: T201


def _run(where: str, kill: dict[str, Any]) -> list[int]:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        _write_until_killed(where, kill, writable)
    os.close(writable)
    print(json.dumps({"pid": child}), flush=True)  # noqa: T201
    with os.fdopen(readable) as acknowledged:
        lines = [acknowledged.readline()]
        if "after_ms" in kill:
            time.sleep(kill["after_ms"] / 1000)
            os.kill(child, signal.SIGKILL)
        lines += acknowledged.readlines()
    os.waitpid(child, 0)
    return [json.loads(line) for line in lines if line]


def _write_until_killed(where: str, kill: dict[str, Any], acks: int) -> None:
    try:
        if "at_bytes" in kill:
            # The kernel ends the process in the middle of the write that passes this size.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (kill["at_bytes"], kill["at_bytes"]))
        asyncio.run(_write(where, partial(_connect, kill), acks))
    finally:
        os._exit(1)


def _connect(kill: dict[str, Any], *args: Any, **options: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(*args, **options)
    left = iter(range(kill.get("after_ops", sys.maxsize), 0, -1))
    connection.set_progress_handler(lambda: None if next(left, 0) else _die(), 1)
    connection.execute(f"pragma wal_autocheckpoint = {kill.get('checkpoint', 1000)}")
    return connection


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _write(where: str, connect: Any, acks: int) -> None:
    store: Store
    if is_database(where):
        store = await open_store(where, acting=lambda _: None)
    else:
        store = await SqliteStore.open(where, connect=connect)
    first = await begin(store)
    for number in count(first):
        await write(store, number)
        os.write(acks, f"{number + 1}\n".encode())
        if number > first + _ENOUGH * len(WRITES):
            _die()


async def begin(store: Store) -> int:
    """Make a store ready for its next write; answer how many there are."""
    found = (await taken(store)).number
    if not found:
        await _give(store, 0)  # for the first turn to withdraw
    return found


async def write(store: Store, number: int) -> None:
    """Make the write that follows on so many."""
    turn, kind = divmod(number, len(WRITES))
    await WRITES[kind](store, turn + 1)


class Taken(NamedTuple):
    """Up to which turn each kind of write is in the store, in the order of a turn."""

    recorded: int
    settled: int
    received: int
    given: int
    withdrawn: int

    @property
    def number(self) -> int:
        """How many writes that are."""
        return sum(self)


async def taken(store: Store) -> Taken:
    """What a store holds."""
    web = (await store.memories()).get("web-id", Memory(replicas=0))
    received = len(await store.alerts())
    standing = sorted(int(order.at) for order in await store.orders())
    given = standing[-1] if standing else 0
    return Taken(web.replicas or 0, web.good, received, given, given - max(0, len(standing) - 1))


async def whole(store: Store) -> int:
    """How many writes are there. Raises AssertionError where one is there by halves."""
    memories = await store.memories()
    web, other = (memories.get(key, Memory(replicas=0)) for key in ("web-id", "db-id"))
    history = await store.history(limit=10_000)
    found = await taken(store)
    opened = [int(intent.at) for intent in await store.open_intents()]

    number = web.replicas or 0
    wanted = list(range(number, 0, -1))
    assert other.replicas == number
    for service in ("web", "db"):
        assert [d.at for d, _ in history if d.service == service] == wanted
    assert opened == ([] if web.good == number else [number])
    settled = [int(d.at) for d, outcome in history if outcome is Outcome.DONE]
    assert settled == [n for n in wanted if n not in opened]
    assert list(found) == sorted(found, reverse=True)
    assert found.recorded - found.withdrawn <= 1
    return found.number


async def _record(store: Store, number: int) -> None:
    """One transaction that writes to every table, to some twice."""
    memory = replace(MEMORY, replicas=number, good=number - 1)
    await store.record(
        memories={"web-id": memory, "db-id": memory},
        records=[make_record("web", number, acts=True), make_record("db", number)],
        intents=[make_intent("web", number)],
    )


async def _settle(store: Store, number: int) -> None:
    """Two writes that share a commit, or do not."""
    memory = replace(MEMORY, replicas=number, good=number)
    settling = store.settle(make_intent("web", number), Outcome.DONE, "", number + 0.5, memory)
    await asyncio.gather(settling, store.record(memories={"x": MEMORY}))


async def _receive(store: Store, number: int) -> None:
    """An alert that is told twice in one notification, and has one effect."""
    alert = firing(str(number), start=number, at=number)
    receipts = [each.receipt for each in await store.receive([alert, alert], number)]
    assert receipts == [Receipt.ACCEPTED, Receipt.DUPLICATE]


async def _give(store: Store, number: int) -> None:
    await store.give(_order(number))


async def _withdraw(store: Store, number: int) -> None:
    """The order of the turn before; that of the last one stands."""
    order = _order(number - 1)
    await store.withdraw(order.kind, order.service, given_at=order.at)


def _order(number: int) -> Order:
    return Order(kind=OrderKind.RESTART, service=f"web-{number}", at=number, actor="ann")


WRITES = (_record, _settle, _receive, _give, _withdraw)
"""A turn: each kind of write that is acknowledged to somebody."""


if __name__ == "__main__":
    main()
