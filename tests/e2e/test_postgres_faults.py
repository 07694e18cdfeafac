"""What goes wrong at a PostgreSQL server is told, leaves nothing half done, and passes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.model import Memory
from autoscaler.ports import Store
from autoscaler.store import open_store
from autoscaler.store.postgres.address import Connection, read_address
from autoscaler.store.postgres.line import Line
from autoscaler.store.postgres.writer import Writer
from autoscaler.testing.contracts.store import MEMORY, make_intent
from autoscaler.testing.real.postgres import PASSWORD, USER, PrivatePostgres
from tests.e2e.postgres_store import a_database, name_of, opened, own


@pytest.fixture
async def url(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A database with the tables in it."""
    async with a_database(postgres) as url:
        yield url


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
