"""`pause`, `resume` and `quarantine release` write to the store of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from autoscaler.model import Order, OrderKind
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_memory, a_service, observe
from tests.unit.cli.conftest import STORE, Call, a_record, fill_store


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


def test_an_order_for_a_service_that_nobody_knows_is_kept_and_told(call: Call) -> None:
    service = replace(a_service(2), name="shop_web")
    fill_store([a_record(observe(service, {}, now=time.time()), a_memory(2))])
    assert "no decision" not in call("pause", "shop_web").output
    result = call("pause", "shop_wbe")
    assert result.exit_code == 0
    assert "no decision about 'shop_wbe' is stored; did you mean shop_web?" in result.output
    assert {order.service for order in stored()} == {"shop_web", "shop_wbe"}


def test_a_quarantine_is_ended_by_name(call: Call) -> None:
    result = call("quarantine", "release", "shop_web", "--actor", "ann")
    assert "shop_web may be healed again" in result.output
    (order,) = stored()
    assert (order.kind, order.service, order.actor) == (OrderKind.RELEASE, "shop_web", "ann")
    assert call("quarantine", "release").exit_code == 2
