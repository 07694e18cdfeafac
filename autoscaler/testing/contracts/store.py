"""The contract of the Store port.

class TestMyStore(StoreContract):
    async def open(self, place: Path) -> Store:
        return await MyStore.open(place / "store")
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.errors import Permanent
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Intent,
    Memory,
    Observation,
    Order,
    OrderKind,
    Outcome,
    Quality,
    Record,
    Run,
    Sample,
    Scaled,
    Service,
)
from autoscaler.testing.contracts.opening import OpensStore

MEMORY = Memory(
    replicas=3,
    recommendations=(Run(replicas=4, since=0.1, until=1e9 / 3),),
    scaled=(Scaled(at=2.5, change=-1),),
    strategies={"cpu": {"level": 0.1 + 0.2, "seen": None}},
)


def make_record(service: str, at: float, *, acts: bool = False) -> Record:
    """A pass over a service that asked for one replica more, and got it if `acts`."""
    action = make_intent(service, at).action if acts else None
    observed = Service(id=f"{service}-id", name=service, version=7, replicas=1)
    decision = Decision(
        at=at,
        policy="shop",
        service_id=observed.id,
        service=service,
        current=1,
        wanted=2,
        action=action,
        reason=f"requests ask for 2 at {at}",
    )
    samples = {"requests": Sample(quality=Quality.VALUE, value=1 / 3, at=at)}
    observation = Observation(now=at, service=observed, samples=samples)
    return Record(
        policy={"name": "shop"}, observation=observation, memory=MEMORY, decision=decision
    )


def make_intent(service: str, at: float) -> Intent:
    """To scale a service from one replica to two."""
    action = Action(
        kind=Act.SCALE,
        service_id=f"{service}-id",
        service=service,
        version=7,
        replicas=2,
        previous=1,
    )
    return Intent(id=f"{service}-{at}", at=at, policy="shop", action=action)


@pytest.mark.asyncio
class StoreContract(OpensStore):
    """What survives a restart, and what is answered about it."""

    async def test_a_new_store_remembers_nothing(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            assert await store.memories() == {}
            assert list(await store.open_intents()) == []
            assert list(await store.history()) == []
            assert await store.last_by_service() == {}
            assert await store.last("web") is None
            assert await store.last_change("web") is None

    async def test_an_order_stands_over_a_restart_until_it_is_withdrawn(
        self, tmp_path: Path
    ) -> None:
        everything = Order(kind=OrderKind.PAUSE, at=1.5, actor="ann", reason="a move")
        one = Order(kind=OrderKind.PAUSE, service="web", at=2.5, actor="bob")
        async with self.opened(tmp_path) as store:
            await store.give(everything)
            await store.give(one)
        async with self.opened(tmp_path) as store:
            assert list(await store.orders()) == [everything, one]
            assert await store.withdraw(OrderKind.PAUSE)
            assert not await store.withdraw(OrderKind.PAUSE)
            assert not await store.withdraw(OrderKind.RELEASE, "web")
            assert list(await store.orders()) == [one]

    async def test_an_order_takes_the_place_of_the_one_like_it(self, tmp_path: Path) -> None:
        first = Order(kind=OrderKind.RELEASE, service="web", at=1.5, actor="ann")
        async with self.opened(tmp_path) as store:
            await store.give(first)
            await store.give(replace(first, at=9.0))
            assert list(await store.orders()) == [replace(first, at=9.0)]

    async def test_an_order_to_act_keeps_all_that_it_says(self, tmp_path: Path) -> None:
        scale = Order(
            kind=OrderKind.SCALE,
            service="web",
            at=0.1 + 0.2,
            actor="ann",
            until=1e9 / 3,
            replicas=5,
        )
        back = Order(kind=OrderKind.ROLLBACK, service="web", at=1.5, actor="bob", release="abc")
        async with self.opened(tmp_path) as store:
            await store.give(scale)
            await store.give(back)
            assert {order.kind: order for order in await store.orders()} == {
                OrderKind.SCALE: scale,
                OrderKind.ROLLBACK: back,
            }

    async def test_an_order_that_took_the_place_of_another_is_not_withdrawn_for_it(
        self, tmp_path: Path
    ) -> None:
        first = Order(kind=OrderKind.RESTART, service="web", at=0.1 + 0.2, actor="ann")
        second = replace(first, at=1e9 / 3)
        async with self.opened(tmp_path) as store:
            await store.give(first)
            await store.give(second)
            assert not await store.withdraw(first.kind, "web", given_at=first.at)
            assert list(await store.orders()) == [second]
            assert await store.withdraw(second.kind, "web", given_at=second.at)
            assert not await store.withdraw(second.kind, "web", given_at=second.at)
            assert list(await store.orders()) == []

    async def test_memories_survive_a_restart_exactly(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.record(memories={"1": MEMORY, "2": Memory()})
        async with self.opened(tmp_path) as store:
            assert await store.memories() == {"1": MEMORY, "2": Memory()}

    async def test_a_memory_takes_the_place_of_the_earlier_one(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.record(memories={"1": MEMORY, "2": MEMORY})
            await store.record(memories={"1": replace(MEMORY, replicas=9)})
            assert await store.memories() == {"1": replace(MEMORY, replicas=9), "2": MEMORY}

    async def test_a_record_survives_a_restart_exactly(self, tmp_path: Path) -> None:
        record = make_record("web", 5.25, acts=True)
        async with self.opened(tmp_path) as store:
            await store.record(records=[record])
        async with self.opened(tmp_path) as store:
            assert await store.last("web") == record
            assert await store.last_by_service() == {"web": record.decision}

    async def test_an_intent_is_open_until_it_is_settled(self, tmp_path: Path) -> None:
        early, late = make_intent("web", 1.0), make_intent("db", 2.0)
        async with self.opened(tmp_path) as store:
            await store.record(intents=[late])
            await store.record(intents=[early])
        async with self.opened(tmp_path) as store:
            assert list(await store.open_intents()) == [early, late]
            await store.settle(early, Outcome.DONE, "", 1.5, MEMORY)
            assert list(await store.open_intents()) == [late]
            assert await store.memories() == {"web-id": MEMORY}
        async with self.opened(tmp_path) as store:
            assert list(await store.open_intents()) == [late]
            assert await store.memories() == {"web-id": MEMORY}

    async def test_settling_without_a_memory_leaves_the_memory(self, tmp_path: Path) -> None:
        intent = make_intent("web", 1.0)
        async with self.opened(tmp_path) as store:
            await store.record(memories={"web-id": MEMORY}, intents=[intent])
            await store.settle(intent, Outcome.FAILED, "refused", 1.5, None)
            assert await store.memories() == {"web-id": MEMORY}

    async def test_an_intent_that_is_stored_again_keeps_its_outcome(self, tmp_path: Path) -> None:
        intent = make_intent("web", 1.0)
        async with self.opened(tmp_path) as store:
            await store.record(intents=[intent])
            await store.settle(intent, Outcome.DONE, "", 1.5, None)
            await store.record(intents=[intent])
            assert list(await store.open_intents()) == []

    async def test_an_intent_that_was_never_stored_can_be_settled(self, tmp_path: Path) -> None:
        """When storing it was late, nobody knows whether it is there."""
        async with self.opened(tmp_path) as store:
            await store.settle(make_intent("web", 1.0), Outcome.CONFLICT, "", 1.5, MEMORY)
            assert list(await store.open_intents()) == []
            assert await store.memories() == {"web-id": MEMORY}

    async def test_history_tells_how_an_action_ended(self, tmp_path: Path) -> None:
        acted = [make_record("web", at, acts=True) for at in (1.0, 2.0)]
        async with self.opened(tmp_path) as store:
            await store.record(records=acted, intents=[make_intent("web", at) for at in (1.0, 2.0)])
            await store.record(records=[make_record("web", 3.0)])
            await store.settle(make_intent("web", 1.0), Outcome.DONE, "", 1.5, None)
            assert [outcome for _, outcome in await store.history()] == [None, None, Outcome.DONE]

    async def test_the_last_word_on_an_intent_counts(self, tmp_path: Path) -> None:
        record, intent = make_record("web", 1.0, acts=True), make_intent("web", 1.0)
        async with self.opened(tmp_path) as store:
            await store.record(records=[record], intents=[intent])
            await store.settle(intent, Outcome.UNKNOWN, "no answer", 1.5, None)
            await store.settle(intent, Outcome.DONE, "settled by reading", 2.0, None)
            assert await store.history() == [(record.decision, Outcome.DONE)]

    async def test_a_refused_value_leaves_nothing_of_its_transaction(self, tmp_path: Path) -> None:
        bad = {"good": MEMORY, "bad": Memory(strategies={"cpu": object()})}
        async with self.opened(tmp_path) as store:
            with pytest.raises(Permanent):
                await store.record(memories=bad, intents=[make_intent("web", 1.0)])
            assert await store.memories() == {}
            assert list(await store.open_intents()) == []

    async def test_one_refused_write_does_not_harm_its_neighbours(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            bad = Memory(strategies={"cpu": object()})
            writes = [store.record(memories={str(n): bad if n == 7 else MEMORY}) for n in range(30)]
            failures = await asyncio.gather(*writes, return_exceptions=True)
            assert [n for n, failure in enumerate(failures) if failure] == [7]
            assert set(await store.memories()) == {str(n) for n in range(30) if n != 7}

    async def test_writes_take_effect_in_the_order_of_their_calls(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            newer = [store.record(memories={"1": Memory(replicas=n)}) for n in range(100)]
            await asyncio.gather(*newer)
            assert await store.memories() == {"1": Memory(replicas=99)}

    async def test_a_forgotten_service_leaves_no_memory(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.record(memories={"web-id": MEMORY, "db-id": MEMORY})
            await store.forget(["web-id", "never-seen"])
            assert await store.memories() == {"db-id": MEMORY}

    async def test_names_may_be_any_text(self, tmp_path: Path) -> None:
        name = "we'b\"; drop table memories; -- 🐳\n"
        async with self.opened(tmp_path) as store:
            await store.record(memories={name: MEMORY}, records=[make_record(name, 1.0)])
            assert await store.memories() == {name: MEMORY}
            assert await store.last(name) == make_record(name, 1.0)

    async def test_closing_twice_does_no_harm(self, tmp_path: Path) -> None:
        store = await self.open(tmp_path)
        await store.close()
        await store.close()

    async def test_closing_finishes_writes_that_were_begun(self, tmp_path: Path) -> None:
        store = await self.open(tmp_path)
        writes = [asyncio.ensure_future(store.record(memories={str(n): MEMORY})) for n in range(50)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*writes)
        async with self.opened(tmp_path) as store:
            assert len(await store.memories()) == 50

    async def test_a_closed_store_refuses_to_answer(self, tmp_path: Path) -> None:
        store = await self.open(tmp_path)
        await store.close()
        with pytest.raises(Permanent, match="closed"):
            await store.memories()
        with pytest.raises(Permanent, match="closed"):
            await store.record(memories={"1": MEMORY})
