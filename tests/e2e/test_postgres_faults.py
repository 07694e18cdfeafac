"""What goes wrong at a PostgreSQL server is told, leaves nothing half done, and passes."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from autoscaler.errors import Invalid, OutcomeUnknown, Permanent, Temporary
from autoscaler.model import Memory
from autoscaler.ports import Store
from autoscaler.store import Retention, open_store
from autoscaler.store.postgres.address import Connection, read_address
from autoscaler.store.postgres.line import Line
from autoscaler.store.postgres.schema import MIGRATIONS
from autoscaler.store.postgres.writer import Writer
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record
from autoscaler.testing.real.postgres import PASSWORD, USER, PrivatePostgres

SCHEMA = len(MIGRATIONS)


@asynccontextmanager
async def opened(url: str, *, deadline: float = 10.0) -> AsyncIterator[Store]:
    store = await open_store(url, deadline=deadline)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def url(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A database with the tables in it."""
    url = postgres.create()
    async with opened(url):
        pass
    yield url
    postgres.drop(url)


_numbers = itertools.count(1)


def own(name: str) -> str:
    """A name that no other test, and no other try of the same, has given to anything."""
    return f"{name}{next(_numbers)}"


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_a_wrong_password_is_told_without_being_shown(postgres: PrivatePostgres) -> None:
    with pytest.raises(Permanent, match="refuses the password; look at the secret") as failure:
        await open_store(postgres.url(password="wr0ng"))
    assert "wr0ng" not in str(failure.value)


async def test_a_password_file_stands_above_the_url_and_is_read_at_each_login(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    url = postgres.create().replace(PASSWORD, "wr0ng")
    store = await open_store(url, password_file=file)
    await store.record(memories={"1": MEMORY})
    assert await store.memories() == {"1": MEMORY}
    file.write_text("wr0ng")
    await store.record(memories={"1": MEMORY})
    await store.close()
    with pytest.raises(Permanent, match="refuses the password"):
        await open_store(url, password_file=file)


async def test_a_passfile_of_libpq_works(postgres: PrivatePostgres, tmp_path: Path) -> None:
    file = tmp_path / "passfile"
    file.touch(0o600)
    file.write_text(f"127.0.0.1:{postgres.port}:*:{USER}:{PASSWORD}\n")
    url = postgres.create().replace(f":{PASSWORD}@", "@")
    async with opened(f"{url}?passfile={file}") as store:
        assert await store.memories() == {}


async def test_a_database_that_is_not_there_is_named(postgres: PrivatePostgres) -> None:
    with pytest.raises(Permanent, match=r"127.0.0.1:\d+/none is not there: create the database"):
        await open_store(postgres.url("none"))


async def test_a_user_who_may_make_no_tables_is_told_what_to_do(postgres: PrivatePostgres) -> None:
    url, guest = postgres.create(), own("guest")
    await asyncio.to_thread(postgres.execute, f"create role {guest} login password 'g'")
    with pytest.raises(Permanent, match="make it the owner of the database"):
        await open_store(postgres.url(name_of(url), user=guest, password="g"))


async def test_an_owner_who_is_no_superuser_is_enough(postgres: PrivatePostgres) -> None:
    shop = own("shop")
    await asyncio.to_thread(postgres.execute, f"create role {shop} login password 's'")
    await asyncio.to_thread(postgres.execute, f"create database {shop} owner {shop}")
    async with opened(postgres.url(shop, user=shop, password="s")) as store:
        await store.record(memories={"1": MEMORY})
        assert await store.memories() == {"1": MEMORY}


async def test_too_many_connections_are_temporary(postgres: PrivatePostgres) -> None:
    few = own("few")
    await asyncio.to_thread(
        postgres.execute, f"create role {few} login superuser password 'f' connection limit 0"
    )
    await asyncio.to_thread(postgres.execute, f"alter role {few} nosuperuser")
    with pytest.raises(Temporary, match="no connection free; raise max_connections"):
        await open_store(postgres.url(user=few, password="f"))


async def test_a_lock_of_somebody_else_is_temporary_and_nothing_is_stored(url: str) -> None:
    async with opened(url, deadline=6.0) as store:
        other = await asyncpg.connect(url)
        await other.execute("begin; lock table autoscaler.memories in exclusive mode")
        with pytest.raises(Temporary, match="locked by somebody else") as failure:
            await store.record(memories={"1": MEMORY}, intents=[make_intent("web", 1.0)])
        assert not isinstance(failure.value, OutcomeUnknown)
        await other.close()
        assert list(await store.open_intents()) == []
        await store.record(memories={"1": MEMORY})
        assert await store.memories() == {"1": MEMORY}


async def test_a_commit_that_takes_too_long_has_an_unknown_outcome(url: str) -> None:
    """A check that the server makes when it is told to commit takes its time."""
    slow = """
        create function autoscaler.wait() returns trigger language plpgsql as
            $$ begin perform pg_sleep(6); return null; end $$;
        create constraint trigger slow after insert on autoscaler.memories
            deferrable initially deferred for each row execute function autoscaler.wait();"""
    async with opened(url, deadline=4.0) as store:
        other = await asyncpg.connect(url)
        await other.execute(slow)
        with pytest.raises(OutcomeUnknown):
            await store.record(memories={"1": MEMORY})
        await other.execute("drop trigger slow on autoscaler.memories")
        await other.close()
        assert set(await store.memories()) <= {"1"}
        await store.record(memories={"2": MEMORY})


async def test_a_write_that_waits_behind_a_late_one_is_withdrawn(url: str) -> None:
    async with opened(url, deadline=6.0) as store:
        other = await asyncpg.connect(url)
        await other.execute("begin; lock table autoscaler.memories in exclusive mode")
        writes = [store.record(memories={str(n): MEMORY}) for n in range(300)]
        failures = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(failure, Temporary) for failure in failures)
        # Those that were taken before their callers left are over before this one is.
        with pytest.raises(Temporary):
            await store.record(memories={"last": MEMORY})
        await other.close()
        assert await store.memories() == {}


async def test_a_value_that_the_database_cannot_keep_is_permanent(url: str) -> None:
    async with opened(url) as store:
        writes = [store.record(memories={name: MEMORY}) for name in ("a", "b\0", "c")]
        failures = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(failure) for failure in failures] == [type(None), Permanent, type(None)]
        assert set(await store.memories()) == {"a", "c"}


async def test_a_commit_that_the_server_turns_into_a_rollback_is_no_success(url: str) -> None:
    async def careless(connection: Connection) -> None:
        with suppress(asyncpg.PostgresError):
            await connection.execute("nonsense")

    writer = Writer(Line(read_address(url, None, 10.0), read_only=False))
    with pytest.raises(Permanent, match="has rolled a change back"):
        await writer.write(careless)
    await writer.close()


async def test_a_server_that_is_started_anew_under_load_loses_nothing(need_postgres: None) -> None:
    with PrivatePostgres() as server:
        async with opened(server.create()) as store:
            stored: list[int] = []
            doubtful: list[int] = []
            failed: list[int] = []

            async def write(number: int) -> None:
                try:
                    await store.record(memories={str(number): MEMORY})
                except OutcomeUnknown:
                    doubtful.append(number)
                except Temporary:
                    failed.append(number)
                else:
                    stored.append(number)

            async def load(until: asyncio.Event) -> None:
                number = 0
                while not until.is_set():
                    await asyncio.gather(*(write(number + n) for n in range(20)))
                    number += 20
                    await asyncio.sleep(0.01)

            enough = asyncio.Event()
            task = asyncio.create_task(load(enough))
            await _more(stored)
            await asyncio.to_thread(server.halt)
            await _more(failed)
            await asyncio.to_thread(server.revive)
            await _more(stored)
            enough.set()
            await task
            found = {int(key) for key in await store.memories()}
            assert set(stored) <= found <= {*stored, *doubtful}


async def _more(numbers: list[int]) -> None:
    before = len(numbers)
    async with asyncio.timeout(180):
        while len(numbers) <= before:  # noqa: ASYNC110  a list has no event
            await asyncio.sleep(0.01)


def _make_room(place: Path, megabytes: int) -> None:
    size = f"remount,size={megabytes}m"
    subprocess.run(["mount", "-o", size, str(place)], check=True)


async def _fill(store: Store, many: dict[str, Memory]) -> None:
    """Write the same under other names, with an intent each time, until that fails."""
    for at in range(200):
        renamed = {f"{at} {key}": memory for key, memory in many.items()}
        await store.record(memories=renamed, intents=[make_intent("web", at)])


@contextmanager
def a_small_disk(place: Path, megabytes: int) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "autoscaler-test"]
    subprocess.run([*mount, str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_a_full_disk_is_temporary_and_passes(need_engine: None, need_postgres: None) -> None:
    with PrivatePostgres() as server:
        disk = server.directory / "server" / "disk"
        disk.mkdir()
        with a_small_disk(disk, 24):
            shutil.chown(disk, USER)
            server.execute(f"create tablespace small location '{disk}'")
            server.execute("create database little tablespace small")
            async with opened(server.url("little"), deadline=30.0) as store:
                many = {str(n): MEMORY for n in range(2000)}
                with pytest.raises(Temporary, match="disk is full; make room"):
                    await _fill(store, many)
                held = dict(await store.memories())
                assert len(held) % 2000 == 0
                assert len(await store.open_intents()) == len(held) // 2000
                _make_room(disk, 128)
                await store.record(memories=many)
                assert await store.memories() == held | many
            server.execute("drop database little")
            server.execute("drop tablespace small")


# The schema.


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_schema_is_refused(
    postgres: PrivatePostgres, url: str, read_only: bool
) -> None:
    newer = f"insert into autoscaler.migrations values ({SCHEMA + 1})"  # noqa: S608
    await asyncio.to_thread(postgres.execute, newer, name_of(url))
    expected = f"has schema {SCHEMA + 1}, this version knows {SCHEMA}: run the version that wrote"
    with pytest.raises(Permanent, match=expected):
        await open_store(url, read_only=read_only)
    with pytest.raises(Permanent, match=expected):
        await open_store(url, acting=lambda _: None)


async def test_only_the_service_brings_an_older_schema_up_to_date(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(url) as store:
        await store.record(memories={"1": MEMORY})
    migrations = (*MIGRATIONS, "create table later (id integer)")
    monkeypatch.setattr("autoscaler.store.postgres.schema.MIGRATIONS", migrations)
    for read_only in (False, True):
        with pytest.raises(Permanent, match="start the new version of the service first"):
            await open_store(url, read_only=read_only)
    store = await open_store(url, acting=lambda _: None)
    assert await store.memories() == {"1": MEMORY}
    await store.close()
    async with opened(url) as store:
        assert await store.memories() == {"1": MEMORY}


async def test_a_migration_that_fails_changes_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        broken = (*MIGRATIONS, "drop table memories; nonsense")
        patch.setattr("autoscaler.store.postgres.schema.MIGRATIONS", broken)
        with pytest.raises(Permanent, match="report this"):
            await open_store(url, acting=lambda _: None)
    async with opened(url) as store:
        assert await store.memories() == {}


async def test_another_programs_tables_are_not_touched(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    theirs = "create schema autoscaler; create table autoscaler.cars (id integer)"
    await asyncio.to_thread(postgres.execute, theirs, name_of(url))
    for read_only in (False, True):
        with pytest.raises(Permanent, match="is another program's: name another database"):
            await open_store(url, read_only=read_only)


async def test_a_database_in_another_encoding_is_refused(postgres: PrivatePostgres) -> None:
    old = own("old")
    make = f"create database {old} encoding 'SQL_ASCII' template template0"
    await asyncio.to_thread(postgres.execute, make)
    with pytest.raises(Permanent, match="has the encoding SQL_ASCII: make one with UTF8"):
        await open_store(postgres.url(old))


async def test_tables_that_somebody_dropped_are_told(postgres: PrivatePostgres, url: str) -> None:
    async with opened(url) as store:
        await asyncio.to_thread(postgres.execute, "drop table autoscaler.memories", name_of(url))
        with pytest.raises(Permanent, match="lacks a table"):
            await store.memories()


async def test_a_memory_that_cannot_be_read_is_named(postgres: PrivatePostgres, url: str) -> None:
    async with opened(url) as store:
        await store.record(memories={"web-id": MEMORY})
        foul = 'update autoscaler.memories set memory = \'{"replicas": "x"}\''
        await asyncio.to_thread(postgres.execute, foul, name_of(url))
        with pytest.raises(Invalid, match="the memory of service web-id cannot be read"):
            await store.memories()


# Retention.


async def test_what_is_old_is_dropped_and_what_must_be_kept_is_kept(url: str) -> None:
    store = await open_store(url, retention=Retention(max_age=100.0))
    acted = make_record("web", 1.0, acts=True)
    await store.record(
        memories={"1": MEMORY},
        records=[make_record("idle", 0.0), make_record("web", 0.0), acted],
        intents=[make_intent("web", 1.0)],
    )
    await store.record(records=[make_record("web", 500.0)])
    kept = [(decision.service, decision.at) for decision, _ in await store.history()]
    assert kept == [("web", 500.0), ("web", 1.0), ("idle", 0.0)]
    assert await store.memories() == {"1": MEMORY}
    await store.forget(["idle-id"])
    await store.record(records=[make_record("web", 501.0)])
    kept = [(decision.service, decision.at) for decision, _ in await store.history()]
    assert kept == [("web", 501.0), ("web", 500.0), ("web", 1.0)]
    await store.close()


async def test_the_size_is_held_and_the_oldest_go_first(
    postgres: PrivatePostgres, url: str
) -> None:
    store = await open_store(url, retention=Retention(max_bytes=200_000))
    for first in range(0, 2000, 5):
        await store.record(records=[make_record("web", first + n) for n in range(5)])
    times = [decision.at for decision, _ in await store.history(limit=10_000)]
    assert times == [float(at) for at in range(1999, 1999 - len(times), -1)]
    assert 20 < len(times) < 500
    await store.close()
    both = "autoscaler.totals t, autoscaler.decisions d"
    sizes = f"select t.bytes, sum(d.bytes) from {both} group by 1"  # noqa: S608
    counted, summed = (await asyncio.to_thread(postgres.execute, sizes, name_of(url))).split("|")
    assert counted == summed
    assert int(counted) <= 200_000 + 10_000


async def test_commits_wait_for_the_disk_even_where_the_server_does_not(
    postgres: PrivatePostgres,
) -> None:
    """The database says `synchronous_commit = off`; the store's own sessions do not follow."""
    url = postgres.create()
    off = f"alter database {name_of(url)} set synchronous_commit = off"
    await asyncio.to_thread(postgres.execute, off)
    async with opened(url) as store:
        await asyncio.to_thread(
            postgres.execute,
            """create function autoscaler.refuse() returns trigger language plpgsql as $$ begin
                   if current_setting('synchronous_commit') = 'off' then raise 'lazy'; end if;
                   return new; end $$;
               create trigger refuse before insert on autoscaler.memories
                   for each row execute function autoscaler.refuse();""",
            name_of(url),
        )
        await store.record(memories={"1": MEMORY})
