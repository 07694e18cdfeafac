"""Old decisions are dropped; memories, open intents and the newest decisions never are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.model import Decision, Outcome, Record
from autoscaler.store import Retention, SqliteStore
from autoscaler.testing.contracts.store import MEMORY, make_intent, make_record

A_DAY = Retention(max_age=86400.0)
DAY = 86400.0


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(":memory:", retention=A_DAY)
    yield store
    await store.close()


def _listed(history: Sequence[tuple[Decision, Outcome | None]]) -> list[tuple[str, float]]:
    return [(decision.service, decision.at) for decision, _ in history]


async def test_a_decision_older_than_the_age_is_dropped(store: SqliteStore) -> None:
    await store.record(records=[make_record("web", at) for at in (0.0, 10.0, DAY)])
    await store.record(records=[make_record("web", DAY + 5.0)])
    assert _listed(await store.history()) == [("web", DAY + 5.0), ("web", DAY), ("web", 10.0)]


async def test_the_newest_decision_of_an_idle_service_is_kept(store: SqliteStore) -> None:
    await store.record(records=[make_record("idle", 0.0), make_record("web", 0.0)])
    await store.record(records=[make_record("web", 9 * DAY)])
    assert _listed(await store.history()) == [("web", 9 * DAY), ("idle", 0.0)]
    assert await store.last("idle") == make_record("idle", 0.0)


async def test_the_decisions_of_a_forgotten_service_grow_old_like_others(
    store: SqliteStore,
) -> None:
    await store.record(records=[make_record("gone", 0.0), make_record("web", 0.0)])
    await store.forget(["gone-id"])
    assert await store.last("gone") is None
    assert len(await store.history(service="gone")) == 1
    await store.record(records=[make_record("web", 9 * DAY)])
    assert _listed(await store.history()) == [("web", 9 * DAY)]


async def test_memories_and_open_intents_are_kept_for_ever(store: SqliteStore) -> None:
    await store.record(
        memories={"1": MEMORY},
        records=[make_record("web", 0.0, acts=True)],
        intents=[make_intent("web", 0.0)],
    )
    await store.record(records=[make_record("web", 9 * DAY)])
    assert await store.memories() == {"1": MEMORY}
    assert list(await store.open_intents()) == [make_intent("web", 0.0)]
    assert _listed(await store.history()) == [("web", 9 * DAY), ("web", 0.0)]
    await store.settle(make_intent("web", 0.0), Outcome.DONE, "", 9 * DAY, None)
    await store.record(records=[make_record("web", 9 * DAY + 1)])
    assert _listed(await store.history()) == [("web", 9 * DAY + 1), ("web", 9 * DAY)]


async def test_a_backlog_is_dropped_a_little_at_a_time(store: SqliteStore) -> None:
    await store.record(records=[make_record("web", float(at)) for at in range(500)])
    await store.record(records=[make_record("web", 9 * DAY)])
    left = len(await store.history(limit=1000))
    assert 470 <= left < 500
    for n in range(1, 40):
        await store.record(records=[make_record("web", 9 * DAY + n)])
    assert len(await store.history(limit=1000)) == 40


async def test_the_size_is_held_and_the_oldest_go_first() -> None:
    small = Retention(max_bytes=300_000)
    store = await SqliteStore.open(":memory:", retention=small)
    await store.record(memories={str(n): MEMORY for n in range(100)})
    for at in range(2000):
        await store.record(records=[_incompressible(at)])
    times = [decision.at for decision, _ in await store.history(limit=10_000)]
    assert 30 < len(times) < 500
    assert times == [float(at) for at in range(1999, 1999 - len(times), -1)]
    assert len(await store.memories()) == 100
    await store.close()


async def test_a_cap_that_memories_alone_exceed_still_keeps_what_must_be_kept() -> None:
    store = await SqliteStore.open(":memory:", retention=Retention(max_bytes=1))
    await store.record(memories={str(n): MEMORY for n in range(1000)})
    for at in range(100):
        await store.record(records=[make_record("web", at), make_record("idle", at)])
    assert len(await store.memories()) == 1000
    assert _listed(await store.history()) == [("idle", 99.0), ("web", 99.0)]
    await store.close()


def _incompressible(at: int) -> Record:
    noise = "".join(hashlib.sha256(b"%d %d" % (at, n)).hexdigest() for n in range(8))
    return replace(make_record("web", float(at)), policy={"noise": noise})


@dataclass(frozen=True)
class Pass:
    service: str
    at: float
    acts: bool
    settled: bool


passes = st.lists(
    st.builds(
        Pass,
        service=st.sampled_from(["a", "b", "c"]),
        at=st.integers(0, 40).map(float),
        acts=st.booleans(),
        settled=st.booleans(),
    ),
    unique_by=lambda p: (p.service, p.at),
    max_size=40,
)


@given(passes, st.integers(1, 30).map(float))
@settings(deadline=None, max_examples=60)
def test_exactly_what_is_old_and_done_with_is_dropped(passed: list[Pass], age: float) -> None:
    asyncio.run(_check(passed, age))


async def _check(passed: list[Pass], age: float) -> None:
    store = await SqliteStore.open(":memory:", retention=Retention(max_age=age))
    expected: dict[tuple[str, float], Pass] = {}
    for p in passed:
        intents = [make_intent(p.service, p.at)] if p.acts else []
        await store.record(records=[make_record(p.service, p.at, acts=p.acts)], intents=intents)
        expected[p.service, p.at] = p
        newest = {q.service: q for q in passed[: passed.index(p) + 1]}
        expected = {
            key: q
            for key, q in expected.items()
            if q.at >= p.at - age or q is newest[q.service] or (q.acts and not q.settled)
        }
        if p.acts and p.settled:
            await store.settle(make_intent(p.service, p.at), Outcome.DONE, "", p.at, None)
    assert set(_listed(await store.history(limit=1000))) == set(expected)
    opened = {(i.action.service, i.at) for i in await store.open_intents()}
    assert opened == {(p.service, p.at) for p in passed if p.acts and not p.settled}
    await store.close()
