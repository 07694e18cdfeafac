"""Whatever a store acknowledged is there after a kill -9, and nothing is there by halves."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.store import SqliteStore
from tests.e2e.store_writer import WRITES, whole

pytestmark = pytest.mark.slow

_WRITER = Path(__file__).with_name("store_writer.py")

Kill = dict[str, Any]
Measured = Callable[[str, object], None]
_OPS: list[Kill] = [
    {"after_ops": 1 + 29 * n, "checkpoint": 3 * (n % 2) or 1000} for n in range(120)
]
# A store that was just created holds 80 kB.
_BYTES: list[Kill] = [{"at_bytes": 1 + 3907 * n} for n in range(20)] + [
    {"at_bytes": 80_000 + 4253 * n} for n in range(90)
]
_TIMES: list[Kill] = [
    {"after_ms": random.Random(n).uniform(0, 15), "checkpoint": 3 * (n % 2) or 1000}
    for n in range(110)
]


class Writer:
    """The program that is killed, over and over."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(_WRITER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def die_writing(self, place: Path, kill: Kill) -> int | None:
        """The last write that was acknowledged before the end, by its number; None for none."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"store": str(place / "autoscaler.db"), "kill": kill}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline())["pid"]
        acknowledged: list[int] = json.loads(self.process.stdout.readline())["acks"]
        return acknowledged[-1] if acknowledged else None

    def close(self) -> None:
        self.process.communicate(timeout=180)


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer()
    try:
        yield writer
    finally:
        writer.close()


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(_OPS, id="between-two-steps-of-the-database"),
        pytest.param(_BYTES, id="in-the-middle-of-a-write"),
        pytest.param(_TIMES, id="at-any-time"),
    ],
)
async def test_what_was_acknowledged_survives(
    writer: Writer, kills: list[Kill], tmp_path: Path, record_property: Measured
) -> None:
    for number, kill in enumerate(kills):
        # Ten kills hit the same store, one after another, so recovery is killed as well.
        place = tmp_path / str(number // 10)
        place.mkdir(exist_ok=True)
        before = await _stored(place, tmp_path / "copy")
        acknowledged = writer.die_writing(place, kill) or before
        after = await _stored(place, tmp_path / "copy")
        # The one write that was under way when the end came may have been taken or not.
        assert after in (acknowledged, acknowledged + 1), kill
    record_property("killed", f"{len(kills)} times")


async def test_a_log_that_ends_anywhere_is_read_up_to_its_last_whole_transaction(
    writer: Writer, tmp_path: Path, record_property: Measured
) -> None:
    """As after a power cut: the log is cut at every kind of place, and its end made foul."""
    place = tmp_path / "whole"
    place.mkdir()
    writer.die_writing(place, {"after_ops": 4000})
    log = (place / "autoscaler.db-wal").read_bytes()
    numbers = []
    for size in range(0, len(log), len(log) // 100):
        torn = tmp_path / "torn"
        shutil.copytree(place, torn)
        (torn / "autoscaler.db-shm").unlink()
        (torn / "autoscaler.db-wal").write_bytes(log[:size] + bytes(size % 3 * 100))
        numbers.append(await _stored(torn, tmp_path / "copy"))
        shutil.rmtree(torn)
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert numbers[-1] >= 3 * len(WRITES)
    record_property("cut", f"at {len(numbers)} places")


async def _stored(place: Path, copy: Path) -> int:
    """How many writes are there, each whole; nothing is there of the next one.

    Looks at a copy, so that the next writer finds what the last one left behind.
    """
    shutil.copytree(place, copy)
    try:
        return await _whole(copy / "autoscaler.db")
    finally:
        shutil.rmtree(copy)


async def _whole(file: Path) -> int:
    store = await SqliteStore.open(file)
    number = await whole(store)
    await store.close()
    assert _intact(file)
    return number


def _intact(file: Path) -> bool:
    connection = sqlite3.connect(file)
    try:
        return bool(connection.execute("pragma integrity_check").fetchall() == [("ok",)])
    finally:
        connection.close()
