"""What orders by hand say of themselves."""

from __future__ import annotations

from autoscaler import records
from autoscaler.model import Order, OrderKind, Orders
from autoscaler.testing.builders import NOW


def order(kind: OrderKind, service: str = "web", **more: object) -> Order:
    return Order(kind=kind, service=service, at=NOW, actor="ann", **more)  # type: ignore[arg-type]


def test_an_order_that_an_older_version_stored_still_loads() -> None:
    stored = '{"kind": "pause", "service": "web", "at": 1.5, "actor": "ann", "reason": "a move"}'
    expected = Order(kind=OrderKind.PAUSE, service="web", at=1.5, actor="ann", reason="a move")
    assert records.load(Order, stored) == expected


def test_a_pause_without_an_end_stands_for_ever() -> None:
    orders = Orders.of([order(OrderKind.PAUSE, reason="a move")])
    assert orders.paused("web", NOW + 1e9) == "paused by ann: a move"
    assert orders.next_end(NOW) == float("inf")


def test_a_pause_with_an_end_says_it_and_is_over_then() -> None:
    orders = Orders.of([order(OrderKind.PAUSE, "", until=NOW + 60)])
    told = "everything is paused by ann, until 2023-11-14 22:14:20 UTC"
    assert orders.paused("web", NOW + 59.9) == told
    assert orders.paused("web", NOW + 60) is None
    assert orders.next_end(NOW) == NOW + 60
    assert orders.next_end(NOW + 60) == float("inf")


def test_an_order_to_act_is_dropped_after_five_minutes_unless_it_says_another_time() -> None:
    assert not order(OrderKind.RESTART).over(NOW + 299.9)
    assert order(OrderKind.RESTART).over(NOW + 300)
    assert order(OrderKind.RESTART, until=NOW + 10).over(NOW + 10)


def test_what_is_to_be_done_comes_gravest_first_and_is_no_other_services() -> None:
    kinds = (OrderKind.SCALE, OrderKind.PAUSE, OrderKind.RESTART, OrderKind.ROLLBACK)
    orders = Orders.of([order(kind) for kind in kinds] + [order(OrderKind.RESTART, "mail")])
    expected = [OrderKind.ROLLBACK, OrderKind.RESTART, OrderKind.SCALE]
    assert [each.kind for each in orders.to_do("web")] == expected


def test_an_order_says_what_it_asks_for() -> None:
    assert order(OrderKind.SCALE, replicas=5, reason="a sale").asks == "scale to 5 by ann: a sale"
    assert order(OrderKind.ROLLBACK, release="abc").asks == "rollback to abc by ann"
    assert order(OrderKind.RESTART).asks == "restart by ann"
