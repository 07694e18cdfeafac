"""Orders to act are given to the store, refused where that can be seen, and shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.model import Order, OrderKind, Rollout
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_memory, a_service, observe
from tests.unit.cli.conftest import STORE, Call, a_record, fill_store

SERVICE = replace(a_service(2), name="shop_web")


def stored() -> Sequence[Order]:
    async def read() -> Sequence[Order]:
        store = await SqliteStore.open(STORE, read_only=True)
        try:
            return await store.orders()
        finally:
            await store.close()

    return asyncio.run(read())


@pytest.fixture(autouse=True)
def decided() -> None:
    """A pass over shop_web, whose policy allows 1 to 20."""
    fill_store([a_record(observe(SERVICE, {}, now=time.time()), a_memory(2))])


@pytest.mark.parametrize(
    ("words", "kind", "more"),
    [
        (["scale", "shop_web", "5"], OrderKind.SCALE, {"replicas": 5}),
        (["restart", "shop_web"], OrderKind.RESTART, {}),
        (["rollback", "shop_web"], OrderKind.ROLLBACK, {}),
        (["rollback", "shop_web", "--to", "abc"], OrderKind.ROLLBACK, {"release": "abc"}),
        (["rebalance", "shop_web"], OrderKind.REBALANCE, {}),
    ],
)
def test_an_order_says_what_who_why_and_until_when(
    call: Call, words: list[str], kind: OrderKind, more: dict[str, Any]
) -> None:
    result = call(*words, "--reason", "a sale", "--actor", "ann", "--within", "2m")
    assert result.exit_code == 0
    assert "or not at all after 2m" in result.output
    (order,) = stored()
    expected = Order(
        kind=kind,
        service="shop_web",
        at=order.at,
        actor="ann",
        reason="a sale",
        until=order.at + 120,
        **more,
    )
    assert order == expected


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scale", "shop_web", "21"], "21 is outside of 1 to 20, which policy shop-web allows"),
        (["scale", "shop_web", "0"], "0 is outside of 1 to 20"),
        (["restart", "shop_wbe"], "no policy covers 'shop_wbe'; did you mean shop_web?"),
        (["restart", "shop_web", "--within", "0s"], "its end is no later than now"),
        (["restart", "shop_web", "--reason", "x" * 501], "the reason is one line of at most 500"),
        (["pause", "--reason", "two\nlines"], "the reason is one line"),
        (["pause", "--actor", "x" * 101], "the actor is one line of at most 100"),
    ],
)
def test_what_cannot_be_heeded_is_refused_at_once(call: Call, words: list[str], told: str) -> None:
    result = call(*words)
    assert result.exit_code == 1
    assert told in result.output
    assert stored() == []


def test_a_pause_may_have_an_end_and_status_and_explain_tell_it(call: Call) -> None:
    assert ", until " in call("pause", "shop_web", "--for", "2h", "--actor", "ann").output
    (order,) = stored()
    assert order.until == order.at + 7200
    for command in (["status"], ["explain", "shop_web"]):
        shown = call(*command).output
        assert "shop_web is paused by ann, 0s ago, until " in shown


def test_orders_that_wait_are_shown_until_their_time_is_over(call: Call) -> None:
    call("restart", "shop_web", "--actor", "ann", "--reason", "why")
    assert "shop_web is ordered restart by ann: why, 0s ago, until " in call("status").output
    call("restart", "shop_web", "--within", "1ms")
    assert "is ordered" not in call("status").output
    call("quarantine", "release", "shop_web")
    assert "release by" not in call("status").output


def test_explain_shows_what_held_an_order(call: Call) -> None:
    now = time.time()
    rolling = replace(SERVICE, rollout=Rollout.UPDATING)
    order = Order(kind=OrderKind.SCALE, service="shop_web", at=now, actor="ann", replicas=5)
    fill_store([a_record(observe(rolling, {}, now=now, orders=(order,)), a_memory(2))])
    shown = call("explain", "shop_web").output
    by_hand, _, metrics = shown.partition("BY HAND")[2].partition("METRICS")
    assert "scale to 5 by ann" in by_hand
    assert "held by rollout_under_way: an update of the service is updating" in by_hand
    assert "by hand" not in metrics.partition("ACTION")[0]
