"""The file: who may read it, whose it is, and which version wrote it."""
# ruff: noqa: ASYNC240, S608  a few kilobytes of its own

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoscaler.errors import Permanent
from autoscaler.store import SqliteStore
from autoscaler.store.schema import MIGRATIONS
from autoscaler.testing.contracts.store import MEMORY, make_record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "autoscaler.db"


def _rights(file: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in file.parent.glob(file.name + "*")}


async def _create(file: Path) -> None:
    store = await SqliteStore.open(file)
    await store.record(memories={"1": MEMORY})
    await store.close()


def _change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def test_only_its_owner_may_read_the_file_and_its_log(file: Path) -> None:
    store = await SqliteStore.open(file)
    await store.record(memories={"1": MEMORY})
    assert {path.name for path in file.parent.iterdir()} == {
        "autoscaler.db",
        "autoscaler.db-wal",
        "autoscaler.db-shm",
    }
    assert _rights(file) == {0o600}
    await store.close()


async def test_a_file_that_others_could_read_is_closed_to_them(file: Path) -> None:
    file.touch(0o644)
    await _create(file)
    assert _rights(file) == {0o600}


async def test_the_log_that_a_crash_left_is_closed_to_others_too(file: Path) -> None:
    await _create(file)
    log = Path(f"{file}-wal")
    log.touch(0o644)
    store = await SqliteStore.open(file)
    assert _rights(file) == {0o600}
    await store.close()


async def test_each_commit_waits_for_the_disk(file: Path) -> None:
    connections: list[sqlite3.Connection] = []

    def connect(*args: object, **options: object) -> sqlite3.Connection:
        connections.append(sqlite3.connect(*args, check_same_thread=False, **options))  # type: ignore[call-overload]
        return connections[-1]

    store = await SqliteStore.open(file, connect=connect)
    full = 2
    assert connections[0].execute("pragma synchronous").fetchone() == (full,)
    assert connections[0].execute("pragma journal_mode").fetchone() == ("wal",)
    await store.close()


async def test_a_closed_store_leaves_one_file(file: Path) -> None:
    await _create(file)
    assert list(file.parent.iterdir()) == [file]


async def test_a_store_in_memory_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = await SqliteStore.open(":memory:")
    await store.record(memories={"1": MEMORY})
    assert await store.memories() == {"1": MEMORY}
    await store.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"directory .*/none does not exist: create or mount it"):
        await SqliteStore.open(tmp_path / "none" / "autoscaler.db")


async def test_a_directory_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="is not a file"):
        await SqliteStore.open(tmp_path)


@pytest.mark.parametrize("read_only", [False, True])
async def test_another_programs_database_is_not_touched(file: Path, read_only: bool) -> None:
    _change(file, "create table precious (id)", "insert into precious values (1)")
    file.chmod(0o644)
    before = file.read_bytes()
    with pytest.raises(Permanent, match="database of another program: name another file"):
        await SqliteStore.open(file, read_only=read_only)
    assert file.read_bytes() == before
    assert _rights(file) == {0o644}


@pytest.mark.parametrize("read_only", [False, True])
async def test_what_is_no_database_is_refused_and_kept(file: Path, read_only: bool) -> None:
    file.write_text("precious notes\n" * 1000)
    with pytest.raises(Permanent, match=r"damaged or no database\. .* keep a copy"):
        await SqliteStore.open(file, read_only=read_only)
    assert file.read_text() == "precious notes\n" * 1000


async def test_damage_is_told_and_the_file_is_kept(file: Path) -> None:
    await _create(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(Permanent, match="damaged or no database"):
        await _create(file)
    assert file.read_bytes()[4096:] == b"\xa5" * (len(whole) - 4096)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_schema_is_refused(file: Path, read_only: bool) -> None:
    await _create(file)
    newer = len(MIGRATIONS) + 1
    _change(file, f"insert into migrations values ({newer})")
    expected = f"has schema {newer}, this version knows {len(MIGRATIONS)}: run the version that"
    with pytest.raises(Permanent, match=expected):
        await SqliteStore.open(file, read_only=read_only)


async def test_an_older_schema_is_brought_up_to_date_and_keeps_its_data(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _create(file)
    migrations = (*MIGRATIONS, ("create table later (id)", "insert into later values (7)"))
    monkeypatch.setattr("autoscaler.store.schema.MIGRATIONS", migrations)
    with pytest.raises(Permanent, match="start the new version of the service first"):
        await SqliteStore.open(file, read_only=True)
    for _ in range(2):
        store = await SqliteStore.open(file)
        assert await store.memories() == {"1": MEMORY}
        await store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("select * from later").fetchall() == [(7,)]


async def test_a_migration_that_fails_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _create(file)
    with monkeypatch.context() as patch:
        broken = (*MIGRATIONS, ("drop table memories", "nonsense"))
        patch.setattr("autoscaler.store.schema.MIGRATIONS", broken)
        with pytest.raises(Permanent, match="report this"):
            await SqliteStore.open(file)
    store = await SqliteStore.open(file)
    assert await store.memories() == {"1": MEMORY}
    await store.close()


async def test_the_file_is_read_while_the_service_writes(file: Path) -> None:
    service = await SqliteStore.open(file)
    await service.record(records=[make_record("web", 1.0)])
    reader = await SqliteStore.open(file, read_only=True)
    assert await reader.last("web") == make_record("web", 1.0)
    await service.record(records=[make_record("web", 2.0)])
    assert await reader.last("web") == make_record("web", 2.0)
    await reader.close()
    await service.close()


async def test_a_reader_cannot_write(file: Path) -> None:
    await _create(file)
    reader = await SqliteStore.open(file, read_only=True)
    with pytest.raises(Permanent, match="opened for reading only"):
        await reader.record(memories={"1": MEMORY})
    with pytest.raises(Permanent, match="opened for reading only"):
        await reader.forget(["1"])
    assert await reader.memories() == {"1": MEMORY}
    await reader.close()


async def test_a_reader_does_not_create_the_file(file: Path) -> None:
    with pytest.raises(Permanent, match=r"there is no store at .*: start the service"):
        await SqliteStore.open(file, read_only=True)
    assert not file.exists()


async def test_a_reader_of_an_empty_file_is_told_to_start_the_service(file: Path) -> None:
    file.touch()
    with pytest.raises(Permanent, match="is empty: start the service first"):
        await SqliteStore.open(file, read_only=True)


async def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    place = tmp_path / "a b?mode=memory#%41"
    place.mkdir()
    await _create(place / "autoscaler.db")
    assert (place / "autoscaler.db").stat().st_size > 0


async def test_a_directory_that_may_not_be_written_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(Permanent, match="may not be written: see its owner"):
        await SqliteStore.open(file)


async def test_a_disk_without_a_write_ahead_log_is_refused(file: Path) -> None:
    class Plain(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("= wal", "= delete"), *values)

    with pytest.raises(Permanent, match="cannot keep a write-ahead log: use a local disk"):
        await SqliteStore.open(file, connect=partial(sqlite3.connect, factory=Plain))


async def test_rights_that_cannot_be_taken_away_are_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not yours")

    file.touch(0o644)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(Permanent, match=r"others may read the store .*: make it yours, mode 0600"):
        await SqliteStore.open(file)


async def test_migrations_with_a_gap_are_no_store_of_ours(file: Path) -> None:
    await _create(file)
    _change(file, "update migrations set number = 70 where number = 1")
    with pytest.raises(Permanent, match=r"is damaged .*migrations \[2, .*70\]"):
        await SqliteStore.open(file)
