"""What goes wrong is told in our words, leaves nothing half done, and passes."""
# ruff: noqa: S608  values of its own

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoscaler.errors import Invalid, OutcomeUnknown, Permanent, Temporary
from autoscaler.model import Memory
from autoscaler.store import SqliteStore
from autoscaler.store.faults import fault
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "autoscaler.db"


class Watched:
    """Connects like sqlite3, with statements told to a function and the connection at hand."""

    def __init__(self, trace: Callable[[str], None] | None = None) -> None:
        self.trace = trace
        self.connection: sqlite3.Connection

    def __call__(self, *args: Any, **options: Any) -> sqlite3.Connection:
        options["check_same_thread"] = False
        self.connection = sqlite3.connect(*args, **options)
        self.connection.set_trace_callback(self.trace)
        return self.connection


class Disk:
    """Holds commits up until it is let go."""

    def __init__(self) -> None:
        self.slow = False
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.commits = 0

    def __call__(self, statement: str) -> None:
        if statement == "commit":
            self.commits += 1
            if self.slow:
                self.reached.set()
                self.go_on.wait(10)


async def test_a_full_disk_is_temporary_and_nothing_is_stored(file: Path) -> None:
    watched = Watched()
    store = await SqliteStore.open(file, connect=watched)
    (pages,) = watched.connection.execute("pragma page_count").fetchone()
    watched.connection.execute(f"pragma max_page_count = {pages}")
    many = {str(n): MEMORY for n in range(100)}
    with pytest.raises(Temporary, match="the disk is full; make room"):
        await store.record(memories=many, intents=[make_intent("web", 1.0)])
    assert await store.memories() == {}
    assert list(await store.open_intents()) == []
    watched.connection.execute("pragma max_page_count = 100000")
    await store.record(memories=many)
    assert await store.memories() == many
    await store.close()


@contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_failing_disk_is_temporary_and_nothing_is_stored(file: Path) -> None:
    store = await SqliteStore.open(file)
    many = {str(n): MEMORY for n in range(1000)}
    with _files_up_to(300_000), pytest.raises(Temporary, match=r"disk I/O|disk is full"):
        await store.record(memories=many)
    assert await store.memories() == {}
    await store.record(memories=many)
    await store.close()
    store = await SqliteStore.open(file)
    assert await store.memories() == many
    await store.close()


async def test_another_processs_lock_is_temporary(file: Path) -> None:
    store = await SqliteStore.open(file, deadline=2)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(Temporary, match="locked by another process"):
            await store.record(memories={"1": MEMORY})
    assert await store.memories() == {}
    await store.record(memories={"1": MEMORY})
    await store.close()


async def test_a_file_that_may_not_be_written_is_permanent(file: Path) -> None:
    watched = Watched()
    store = await SqliteStore.open(file, connect=watched)
    watched.connection.execute("pragma query_only = on")
    with pytest.raises(Permanent, match="may not be written; look at its owner"):
        await store.record(memories={"1": MEMORY})
    await store.close()


async def test_a_late_write_has_an_unknown_outcome_and_those_behind_it_are_withdrawn(
    file: Path,
) -> None:
    disk = Disk()
    store = await SqliteStore.open(file, connect=Watched(disk), deadline=2)
    disk.slow = True
    late = asyncio.create_task(store.record(memories={"late": MEMORY}))
    await asyncio.to_thread(disk.reached.wait, 10)
    with pytest.raises(Temporary, match=r"did not answer within 2 s") as waiting:
        await store.record(memories={"waiting": MEMORY})
    assert not isinstance(waiting.value, OutcomeUnknown)
    with pytest.raises(OutcomeUnknown, match=r"did not answer within 2 s"):
        await late
    disk.slow = False
    disk.go_on.set()
    assert set(await store.memories()) == {"late"}
    await store.close()


async def test_a_cancelled_write_that_waits_is_not_stored(file: Path) -> None:
    disk = Disk()
    store = await SqliteStore.open(file, connect=Watched(disk))
    disk.slow = True
    first = asyncio.create_task(store.record(memories={"first": MEMORY}))
    await asyncio.to_thread(disk.reached.wait, 10)
    second = asyncio.create_task(store.record(memories={"second": MEMORY}))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    disk.slow = False
    disk.go_on.set()
    await first
    assert set(await store.memories()) == {"first"}
    await store.close()


async def test_writes_that_wait_share_one_commit(file: Path) -> None:
    disk = Disk()
    store = await SqliteStore.open(file, connect=Watched(disk))
    disk.slow, disk.commits = True, 0
    write = [asyncio.create_task(store.record(memories={str(n): MEMORY})) for n in range(100)]
    await asyncio.to_thread(disk.reached.wait, 10)
    disk.slow = False
    disk.go_on.set()
    await asyncio.gather(*write)
    assert disk.commits <= 3
    assert len(await store.memories()) == 100
    await store.close()


async def test_calls_that_wait_are_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoscaler.store.worker.MOST_WAITING", 10)
    store = await SqliteStore.open(file)
    write = [store.record(memories={str(n): MEMORY}) for n in range(12)]
    failures = [f for f in await asyncio.gather(*write, return_exceptions=True) if f]
    assert len(failures) == 2
    assert all(isinstance(f, Temporary) and "10 calls wait" in str(f) for f in failures)
    await store.record(memories={"1": MEMORY})
    await store.close()


async def _foul(file: Path, statement: str) -> None:
    store = await SqliteStore.open(file)
    await store.record(
        memories={"web-id": MEMORY},
        records=[make_record("web", 1.0), make_record("db", 2.0)],
        intents=[make_intent("web", 1.0)],
    )
    await store.close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


async def test_a_memory_that_cannot_be_read_is_named(file: Path) -> None:
    await _foul(file, 'update memories set memory = \'{"replicas": "x"}\'')
    store = await SqliteStore.open(file)
    with pytest.raises(Invalid, match="the memory of service web-id cannot be read"):
        await store.memories()
    await store.close()


async def test_an_intent_that_cannot_be_read_is_named(file: Path) -> None:
    await _foul(file, "update intents set intent = '{}'")
    store = await SqliteStore.open(file)
    with pytest.raises(Invalid, match=r"the intent web-1\.0 cannot be read"):
        await store.open_intents()
    await store.close()


@pytest.mark.parametrize("value", ["x'00'", "x'789c010200fdff7b7d017500f9'"])
async def test_a_record_that_cannot_be_read_is_named(file: Path, value: str) -> None:
    await _foul(file, f"update decisions set record = {value} where service = 'web'")
    store = await SqliteStore.open(file)
    with pytest.raises(Invalid, match="the last record of web cannot be read"):
        await store.last("web")
    assert await store.last("db") == make_record("db", 2.0)
    await store.close()


async def test_a_decision_that_cannot_be_read_does_not_hide_the_others(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await _foul(file, "update decisions set decision = '{}' where service = 'web'")
    store = await SqliteStore.open(file)
    (newer, _), (older, _) = await store.history()
    assert newer == make_record("db", 2.0).decision
    assert (older.service, older.at, "cannot read" in older.reason) == ("web", 1.0, True)
    assert [*await store.history(limit=1, offset=1)] == [(older, None)]
    assert set(await store.last_by_service()) == {"db"}
    assert "a stored decision cannot be read" in caplog.text
    await store.close()


async def test_what_is_too_much_for_the_format_is_refused(file: Path) -> None:
    store = await SqliteStore.open(file)
    with pytest.raises(Permanent, match="cannot be stored"):
        await store.record(memories={"1": Memory(strategies={"cpu": "\ud800"})})
    await store.close()


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, Temporary, "look at the disk"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Temporary, "locked by another process"),
        (sqlite3.SQLITE_NOMEM, Temporary, "more memory"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, Permanent, "look at its directory"),
        (sqlite3.SQLITE_READONLY_DBMOVED, Permanent, "look at its owner and its mount"),
        (sqlite3.SQLITE_CORRUPT_INDEX, Permanent, "keep a copy of the file"),
        (sqlite3.SQLITE_MISUSE, Permanent, "report this"),
        (None, Permanent, "report this"),
    ],
)
def test_every_fault_names_the_file_and_the_next_step(
    code: int | None, kind: type[Exception], advice: str
) -> None:
    error = sqlite3.OperationalError("words of sqlite")
    if code is not None:
        error.sqlite_errorcode = code
    told = fault("/data/autoscaler.db", error)
    assert type(told) is kind
    assert "/data/autoscaler.db" in str(told)
    assert advice in str(told)
    assert "words of sqlite" in str(told)


async def test_a_connection_that_cannot_be_made_leaves_no_thread(file: Path) -> None:
    def refuse(*_: Any, **__: Any) -> sqlite3.Connection:
        raise sqlite3.OperationalError("no")

    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(Permanent):
            await SqliteStore.open(file, connect=partial(refuse))
    for thread in threading.enumerate():
        if thread.name.startswith("autoscaler-store"):
            thread.join(5)
    assert threading.active_count() <= before
