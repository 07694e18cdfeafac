"""The contract of the Store port for what is asked of the past.

class TestMyStore(HistoryContract):
    async def open(self, place: Path) -> Store:
        return await MyStore.open(place / "store")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from autoscaler.model import Decision, Outcome
from autoscaler.testing.contracts.opening import OpensStore
from autoscaler.testing.contracts.store import make_intent, make_record


@pytest.mark.asyncio
class HistoryContract(OpensStore):
    """What was decided, and how it ended."""

    async def test_the_last_record_of_a_service_is_the_one_stored_last(
        self, tmp_path: Path
    ) -> None:
        """Even if the clock was set back in between."""
        async with self.opened(tmp_path) as store:
            await store.record(records=[make_record("web", 9.0), make_record("db", 2.0)])
            await store.record(records=[make_record("web", 3.0)])
            assert await store.last("web") == make_record("web", 3.0)
            latest = await store.last_by_service()
            assert {name: decision.at for name, decision in latest.items()} == {
                "web": 3.0,
                "db": 2.0,
            }

    async def test_the_last_change_is_found_behind_decisions_without_one(
        self, tmp_path: Path
    ) -> None:
        async with self.opened(tmp_path) as store:
            for at in (1.0, 2.0):
                change, intent = make_record("web", at, acts=True), make_intent("web", at)
                await store.record(records=[change], intents=[intent])
            await store.record(records=[make_record("web", 3.0), make_record("db", 3.0)])
            changed = make_record("web", 2.0, acts=True)
            assert await store.last_change("web") == (changed, None)
            await store.settle(intent, Outcome.DONE, "", 2.5, None)
            assert await store.last_change("web") == (changed, Outcome.DONE)
            assert await store.last_change("db") is None

    async def test_history_is_newest_first_and_limited(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            for at in (1.0, 2.0, 3.0):
                await store.record(records=[make_record("web", at), make_record("db", at + 0.5)])
            assert _times(await store.history()) == [3.5, 3.0, 2.5, 2.0, 1.5, 1.0]
            assert _times(await store.history(limit=2)) == [3.5, 3.0]
            assert _times(await store.history(service="web")) == [3.0, 2.0, 1.0]
            assert _times(await store.history(since=2.5)) == [3.5, 3.0, 2.5]
            assert _times(await store.history(service="web", since=2.0, limit=1)) == [3.0]
            assert _times(await store.history(service="none")) == []
            assert _times(await store.history(limit=0)) == []

    async def test_history_can_be_read_part_by_part(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            for at in (1.0, 2.0):
                await store.record(records=[make_record(name, at) for name in ("a", "b", "c")])
            await store.record(records=[make_record("a", 3.0)])
            whole = await store.history(until=2.0)
            assert [decision.at for decision, _ in whole] == [2.0] * 3 + [1.0] * 3
            parts = [await store.history(until=2.0, offset=n, limit=2) for n in (0, 2, 4, 6)]
            assert [each for part in parts for each in part] == [*whole]

    async def test_a_record_is_found_by_its_time(self, tmp_path: Path) -> None:
        wanted, intent = make_record("a", 1e9 / 3, acts=True), make_intent("a", 1e9 / 3)
        async with self.opened(tmp_path) as store:
            await store.record(records=[wanted, make_record("b", 1e9 / 3)], intents=[intent])
            await store.record(records=[make_record("a", 1e9)])
            assert await store.recorded("a", 1e9 / 3) == (wanted, None)
            await store.settle(intent, Outcome.DONE, "", 1e9, None)
            assert await store.recorded("a", 1e9 / 3) == (wanted, Outcome.DONE)
            assert await store.recorded("a", 5.0) is None
            assert await store.recorded("c", 1e9) is None

    async def test_the_last_decisions_of_some_services_are_found(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.record(records=[make_record(name, 1.0) for name in ("a", "b", "c")])
            await store.record(records=[make_record("b", 2.0)])
            found = await store.last_by_service(["b", "c", "d"])
            assert {name: decision.at for name, decision in found.items()} == {"b": 2.0, "c": 1.0}
            assert await store.last_by_service([]) == {}
            assert len(await store.last_by_service()) == 3


def _times(listed: Sequence[tuple[Decision, Outcome | None]]) -> list[float]:
    return [decision.at for decision, _ in listed]
