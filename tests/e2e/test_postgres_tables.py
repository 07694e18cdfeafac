"""What stands in the tables of a PostgreSQL store: its schema, faults in it, what is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from autoscaler.errors import Invalid, Permanent
from autoscaler.store import Retention, open_store
from autoscaler.store.postgres.schema import MIGRATIONS
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record
from autoscaler.testing.real.postgres import PrivatePostgres
from tests.e2e.postgres_store import a_database, name_of, opened, own

SCHEMA = len(MIGRATIONS)


@pytest.fixture
async def url(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A database with the tables in it."""
    async with a_database(postgres) as url:
        yield url


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
