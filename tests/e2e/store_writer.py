"""A program that writes to a store until it is killed; `test_store_survives_kill` runs it.

It reads lines like `{"place": "/some/directory", "kill": {"after_ops": 120}}`. For each it
forks a child that writes to the store of that place and dies as told, and answers with what
the child acknowledged before: `{"acks": [["recorded", 1], ["settled", 1], ...]}`. A child dies
after so many steps of the database, in the write that makes a file larger than so many bytes,
or so many milliseconds after its first acknowledgement.
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
from pathlib import Path
from typing import Any

from autoscaler.model import Memory, Outcome
from autoscaler.store import SqliteStore
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record

_ENOUGH = 40
"""Rounds after which a child dies anyway."""


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps({"acks": _run(order["place"], order["kill"])}), flush=True)  # noqa: T201


def _run(place: str, kill: dict[str, Any]) -> list[list[Any]]:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        _write_until_killed(place, kill, writable)
    os.close(writable)
    with os.fdopen(readable) as acknowledged:
        lines = [acknowledged.readline()]
        if "after_ms" in kill:
            time.sleep(kill["after_ms"] / 1000)
            os.kill(child, signal.SIGKILL)
        lines += acknowledged.readlines()
    os.waitpid(child, 0)
    return [json.loads(line) for line in lines if line]


def _write_until_killed(place: str, kill: dict[str, Any], acks: int) -> None:
    try:
        if "at_bytes" in kill:
            # The kernel ends the process in the middle of the write that passes this size.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (kill["at_bytes"], kill["at_bytes"]))
        asyncio.run(_write(place, partial(_connect, kill), acks))
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


async def _write(place: str, connect: Any, acks: int) -> None:
    def acknowledge(what: str, number: int) -> None:
        os.write(acks, f'["{what}", {number}]\n'.encode())

    store = await SqliteStore.open(Path(place) / "autoscaler.db", connect=connect)
    for intent in await store.open_intents():
        await _settle(store, int(intent.at))
        acknowledge("settled", int(intent.at))
    first = (await store.memories()).get("web-id", Memory(replicas=0)).replicas or 0
    for number in count(first + 1):
        await _record(store, number)
        acknowledge("recorded", number)
        await asyncio.gather(_settle(store, number), store.record(memories={"x": MEMORY}))
        acknowledge("settled", number)
        if number > first + _ENOUGH:
            _die()


async def _record(store: SqliteStore, number: int) -> None:
    """One transaction that writes to every table, to some twice."""
    memory = replace(MEMORY, replicas=number, good=number - 1)
    await store.record(
        memories={"web-id": memory, "db-id": memory},
        records=[make_record("web", number, acts=True), make_record("db", number)],
        intents=[make_intent("web", number)],
    )


async def _settle(store: SqliteStore, number: int) -> None:
    memory = replace(MEMORY, replicas=number, good=number)
    await store.settle(make_intent("web", number), Outcome.DONE, "", number + 0.5, memory)


if __name__ == "__main__":
    main()
