"""Several processes on one database: one controller acts, anybody may ask and give orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Order, OrderKind
from autoscaler.ports import Store
from autoscaler.store import open_store
from autoscaler.store.absent import NoStoreYet
from autoscaler.testing.contracts.alerts import NOW, firing
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record
from autoscaler.testing.real.postgres import PASSWORD, PrivatePostgres
from tests.e2e.postgres_wire import wire_to

PAUSE = Order(kind=OrderKind.PAUSE, service="web", at=1.5, actor="ann", reason="a move")

SESSIONS = "from pg_stat_activity where application_name like 'autoscaler%'"
END_OTHERS = f"select pg_terminate_backend(pid) {SESSIONS}"


class Controller:
    """Opens the store to act, and hears when it has to give way."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[Permanent] = []

    @asynccontextmanager
    async def acting(self, deadline: float = 10.0) -> AsyncIterator[Store]:
        store = await open_store(self.url, acting=self.told.append, deadline=deadline)
        try:
            yield store
        finally:
            await store.close()


async def test_a_second_controller_is_refused_and_told_who_acts(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    async with Controller(url).acting() as first:
        expected = r"another controller acts on the store .* \(autoscaler .*, since .* UTC\)"
        with pytest.raises(Permanent, match=expected) as refused:
            await open_store(url, acting=lambda _: None, deadline=6.0)
        assert PASSWORD not in str(refused.value)
        await first.record(memories={"1": MEMORY})
    async with Controller(url).acting() as second:
        assert await second.memories() == {"1": MEMORY}


async def test_a_controller_waits_for_its_predecessor_to_end(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    async with Controller(url).acting() as first:
        second = asyncio.create_task(open_store(url, acting=lambda _: None, deadline=60.0))
        await first.record(memories={"1": MEMORY})
        assert not second.done()
    store = await second
    assert await store.memories() == {"1": MEMORY}
    await store.close()


async def test_orders_and_questions_need_no_right_to_act(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    async with Controller(url).acting() as controller:
        await controller.record(records=[make_record("web", 1.0)])
        beside = await open_store(url)
        await beside.give(PAUSE)
        assert list(await controller.orders()) == [PAUSE]
        assert await controller.withdraw(OrderKind.PAUSE, "web")
        await beside.close()
        reader = await open_store(url, read_only=True)
        assert await reader.last("web") == make_record("web", 1.0)
        with pytest.raises(Permanent, match="opened for reading only"):
            await reader.give(PAUSE)
        await reader.close()


async def test_an_order_may_come_before_the_first_controller(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    with pytest.raises(NoStoreYet, match="is empty: start the service first"):
        await open_store(url, read_only=True)
    empty = await open_store(url, read_only=True, or_empty=True)
    assert await empty.last_by_service() == {}
    await empty.close()
    beside = await open_store(url)
    await beside.give(PAUSE)
    await beside.close()
    async with Controller(url).acting() as controller:
        assert list(await controller.orders()) == [PAUSE]


async def test_two_that_start_at_once_make_the_tables_once(postgres: PrivatePostgres) -> None:
    url = postgres.create()
    stores = await asyncio.gather(*(open_store(url, deadline=60.0) for _ in range(5)))
    for store in stores:
        await store.give(PAUSE)
        await store.close()


async def test_a_controller_whose_session_ended_goes_on_if_nobody_acted_since(
    postgres: PrivatePostgres,
) -> None:
    controller = Controller(postgres.create())
    async with controller.acting() as store:
        await store.record(memories={"1": MEMORY})
        await asyncio.to_thread(postgres.execute, END_OTHERS)
        await _at_work_again(store)
        assert set(await store.memories()) == {"1", "2"}
    assert controller.told == []


async def test_a_controller_gives_way_for_good_to_one_that_acted_since(
    postgres: PrivatePostgres,
) -> None:
    url = postgres.create()
    async with wire_to(postgres.port) as wire:
        first = Controller(wire.instead_of(url))
        async with first.acting() as old:
            await old.record(memories={"1": MEMORY})
            await wire.close()
            async with Controller(url).acting() as new:
                await new.record(memories={"2": MEMORY})
                for _ in range(2):
                    with pytest.raises(Permanent, match="this one gives way; start it again"):
                        await old.record(memories={"3": MEMORY}, intents=[make_intent("web", 1.0)])
                assert set(await new.memories()) == {"1", "2"}
                assert list(await new.open_intents()) == []
            # Also when the other one is gone: what the first remembers is out of date.
            with pytest.raises(Permanent, match="this one gives way"):
                await old.record(memories={"3": MEMORY})
    assert len(first.told) == 1


async def test_one_that_is_back_before_the_server_saw_it_go_waits(
    postgres: PrivatePostgres,
) -> None:
    """Its own old session still holds the lock."""
    async with wire_to(postgres.port) as wire:
        url = postgres.create()
        controller = Controller(wire.instead_of(url))
        async with controller.acting(deadline=8.0) as store:
            await store.record(memories={"1": MEMORY})
            wire.hold()
            with pytest.raises(Temporary):
                await store.record(memories={"2": MEMORY})
            over = wire.go_on()
            with pytest.raises(Temporary, match="still holds the lock of our last session"):
                await store.record(memories={"2": MEMORY})
            over.set()
            await _at_work_again(store)
    assert controller.told == []


async def test_two_sessions_that_take_in_the_same_alert_accept_it_once(
    postgres: PrivatePostgres,
) -> None:
    url = postgres.create()
    one, other = await open_store(url), await open_store(url)
    told = [store.receive([firing()], NOW) for store in (one, other) for _ in range(10)]
    answers = [answer.receipt for each in await asyncio.gather(*told) for answer in each]
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 19
    await one.close()
    await other.close()


async def _at_work_again(store: Store) -> None:
    """The loop is the retry."""
    async with asyncio.timeout(180):
        while True:
            try:
                await store.record(memories={"2": MEMORY})
            except Temporary:
                await asyncio.sleep(0.05)
            else:
                return
