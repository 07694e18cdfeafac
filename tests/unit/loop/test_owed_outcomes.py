"""How acts ended is stored once for each, however many end together."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from autoscaler.errors import Temporary
from autoscaler.model import Intent, Outcome
from autoscaler.ports import Store
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

MANY = 40
POLICY = a_policy_document(min=1, max=20, behavior=at_once()) | {"services": ["web*"]}


class Counting:
    """A store that counts how often each outcome is given to it, and refuses some of them."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.settled: Counter[str] = Counter()
        self.refused: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def settle(self, intent: Intent, *told: Any) -> None:
        self.settled[intent.action.service_id] += 1
        if intent.action.service_id in self.refused:
            raise Temporary("database is locked")
        await self._store.settle(intent, *told)


def storm(store: Counting) -> Scenario:
    """All services need more at once."""
    services = [a_service(3, id=f"web-{n}", name=f"web-{n}") for n in range(MANY)]
    answer, kept = constant(900.0), cast("Store", store)
    return Scenario(*services, policies=[POLICY], answer=answer, store=kept)


async def test_acts_that_end_together_are_stored_once_each() -> None:
    store = Counting(await SqliteStore.open(":memory:"))
    async with storm(store) as scene:
        await scene.cycle()
        assert len(scene.swarm.applied) == MANY
        assert set(store.settled.values()) == {1}
        assert await scene.store.open_intents() == []


async def test_one_that_the_store_refuses_is_owed_until_it_takes_it() -> None:
    store = Counting(await SqliteStore.open(":memory:"))
    async with storm(store) as scene:
        store.refused.add("web-7")
        await scene.cycle()
        assert "web-7" in {i.action.service_id for i in await scene.store.open_intents()}
        store.refused.clear()
        await scene.cycle()
        assert await scene.store.open_intents() == []
        done = [outcome for _, outcome in await scene.store.history(limit=1000)]
        assert done.count(Outcome.DONE) == MANY
