"""`pause`, `resume` and `quarantine release` write to the store of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autoscaler.model import Order, OrderKind
from autoscaler.store import SqliteStore
from tests.unit.cli.conftest import STORE, Call


def stored() -> Sequence[Order]:
    async def read() -> Sequence[Order]:
        store = await SqliteStore.open(STORE, read_only=True)
        try:
            return await store.orders()
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_pause_says_who_and_why_and_resume_ends_it(call: Call) -> None:
    assert call("pause", "--reason", "a move", "--actor", "ann").exit_code == 0
    assert call("pause", "shop_web").exit_code == 0
    everything, one = stored()
    assert (everything.kind, everything.service) == (OrderKind.PAUSE, "")
    assert everything.told == "by ann: a move"
    assert one.service == "shop_web"
    assert one.actor
    assert "everything is resumed" in call("resume").output
    assert stored() == [one]
    assert "everything was not paused" in call("resume").output
    assert "shop_web is resumed" in call("resume", "shop_web").output
    assert stored() == []


def test_a_quarantine_is_ended_by_name(call: Call) -> None:
    result = call("quarantine", "release", "shop_web", "--actor", "ann")
    assert "shop_web may be healed again" in result.output
    (order,) = stored()
    assert (order.kind, order.service, order.actor) == (OrderKind.RELEASE, "shop_web", "ann")
    assert call("quarantine", "release").exit_code == 2
