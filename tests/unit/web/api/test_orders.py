"""Orders by hand, through the API."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

import pytest

from autoscaler.model import Order, OrderKind
from autoscaler.testing.scenario import Scenario
from tests.unit.web.api.conftest import Client, as_, get, order


async def test_a_pause_holds_a_service_from_the_next_pass_on(
    scene: Scenario, client: Client
) -> None:
    answer = await order(client, {"kind": "pause", "service": "web", "reason": "a move"})
    assert answer["order"]["actor"] == "ann"
    await scene.cycle()
    assert scene.replicas() == 3
    assert scene.replicas("db-id") == 5
    assert (await get(client, "/services/web"))["paused"] == "paused by ann: a move"
    (listed,) = (await get(client, "/orders"))["items"]
    assert listed == answer["order"]


async def test_a_pause_ends_when_it_is_withdrawn(scene: Scenario, client: Client) -> None:
    await order(client, {"kind": "pause"})
    for stood in (True, False):
        answer = await client.delete("/api/v1/orders/pause", headers=as_("ann"))
        assert await answer.json() == {"stood": stood}
    await scene.cycle()
    assert scene.replicas() == 5


async def test_what_was_withdrawn_is_not_done_by_a_pass_that_has_read_it_before(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    await order(client, {"kind": "restart", "service": "db"})
    await scene.reconciler.heed()
    await client.delete("/api/v1/orders/restart/db", headers=as_("ann"))
    assert await scene.reconciler.reconcile(scene.view.services.values(), scene.covering) == []


async def test_nor_by_one_that_reads_it_just_then(
    scene: Scenario, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.cycle()
    await order(client, {"kind": "restart", "service": "db"})
    orders, withdrawn = scene.store.orders, asyncio.Event()

    async def slowly() -> Sequence[Order]:
        found = await orders()
        await withdrawn.wait()
        return found

    monkeypatch.setattr(scene.store, "orders", slowly)
    heeding = asyncio.create_task(scene.reconciler.heed())
    await client.delete("/api/v1/orders/restart/db", headers=as_("ann"))
    withdrawn.set()
    await heeding
    assert await scene.reconciler.reconcile(scene.view.services.values(), scene.covering) == []


async def test_an_order_ends_with_its_time(scene: Scenario, client: Client) -> None:
    answer = await order(client, {"kind": "pause", "service": "web", "expires_in": 20})
    assert answer["order"]["until"] == scene.clock() + 20
    await scene.cycle()
    assert scene.replicas() == 3
    await scene.cycle()
    assert scene.replicas() == 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "scale", "service": "web", "replicas": 7}, {"replicas": 7}),
        ({"kind": "restart", "service": "web"}, {}),
        ({"kind": "rebalance", "service": "web"}, {}),
        ({"kind": "rollback", "service": "web", "release": "abc"}, {"release": "abc"}),
        ({"kind": "release", "service": "web"}, {}),
    ],
)
async def test_each_kind_of_order_is_kept_with_who_gave_it(
    scene: Scenario, client: Client, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    await scene.cycle()
    await order(client, {**body, "reason": "because"})
    kind = OrderKind(body["kind"])
    wanted = Order(
        kind=kind, service="web", at=scene.clock(), actor="ann", reason="because", **expected
    )
    assert list(await scene.store.orders()) == [wanted]


async def test_an_order_that_its_policy_does_not_allow_now_is_refused(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    answer = await order(client, {"kind": "scale", "service": "web", "replicas": 21}, 409)
    assert "21 is outside of 2 to 20" in answer["detail"]
    await order(client, {"kind": "restart", "service": "other"}, 409)
    assert list(await scene.store.orders()) == []


async def test_the_bounds_hold_for_a_person_while_the_service_is_paused(
    scene: Scenario, client: Client
) -> None:
    await order(client, {"kind": "pause", "service": "web"})
    await scene.cycle()
    answer = await order(client, {"kind": "scale", "service": "web", "replicas": 21}, 409)
    assert "21 is outside of 2 to 20" in answer["detail"]


async def test_what_is_done_once_needs_a_service_that_there_is(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    for body in ({"kind": "restart"}, {"kind": "scale", "replicas": 1}):
        await order(client, {**body, "service": "wbe"}, 404)
    await order(client, {"kind": "pause", "service": "later"})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"kind": "scale", "service": "web"}, "replicas: this key is required"),
        ({"kind": "scale", "service": "web", "replicas": "3"}, "replicas: expected a whole number"),
        ({"kind": "scale", "service": "web", "replicas": -1}, "replicas: should be greater than"),
        ({"kind": "scale", "replicas": 1}, "service: this key is required"),
        ({"kind": "pause", "replicas": 1}, "unknown key 'replicas'"),
        ({"kind": "pause", "expires_in": 0}, "expires_in: should be greater than 0"),
        ({"kind": "pause", "reason": "a\nb"}, "reason: "),
        ({"kind": "destroy"}, "'kind': expected 'pause', 'release', 'scale'"),
        ({}, "'kind': this key is required"),
        ({"kind": "pause", "service": None}, "service: expected text, not nothing"),
        ([], "expected a mapping"),
        ("pause", "expected a mapping"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_with_what_is_wrong(
    scene: Scenario, client: Client, body: object, told: str
) -> None:
    answer = await order(client, body, 400)
    assert told in answer["detail"]
    assert list(await scene.store.orders()) == []


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"kind": "pause", "reason": "\\ud800"}', "application/json", 400),
        (b"[" * 10_000, "application/json", 400),
        (b'{"kind": "pause"}', "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    client: Client, text: bytes, kind: str, status: int
) -> None:
    headers = {**as_("ann"), "Content-Type": kind}
    answer = await client.post("/api/v1/orders", data=text, headers=headers)
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    assert (await answer.json(content_type=None))["detail"]


async def test_a_packed_body_is_refused(client: Client) -> None:
    packed = zlib.compress(b'{"kind": "pause"}')
    headers = {**as_("ann"), "Content-Type": "application/json", "Content-Encoding": "deflate"}
    answer = await client.post("/api/v1/orders", data=packed, headers=headers)
    assert answer.status == 415


async def test_who_may_only_read_gives_no_orders(scene: Scenario, client: Client) -> None:
    await order(client, {"kind": "pause"}, 403, who="reader")
    answer = await client.delete("/api/v1/orders/pause", headers=as_("reader"))
    assert answer.status == 403
    assert list(await scene.store.orders()) == []


async def test_an_order_that_cannot_be_stored_is_not_acknowledged(
    scene: Scenario, client: Client
) -> None:
    await scene.store.close()
    answer = await order(client, {"kind": "pause"}, 500)
    assert "closed" in answer["detail"]
