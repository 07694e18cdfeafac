"""Orders by hand hold from the next pass on, and over restarts."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.errors import Temporary
from autoscaler.model import Order, OrderKind
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

GROWS = a_policy_document(behavior=at_once(), recovery=1)


def pause(service: str = "") -> Order:
    return Order(kind=OrderKind.PAUSE, service=service, at=0.0, actor="ann", reason="a move")


def scene(**more: Any) -> Scenario:
    return Scenario(a_service(3), policies=[GROWS], answer=constant(900.0), **more)


@pytest.mark.parametrize("service", ["", "web"])
async def test_a_pause_holds_over_a_restart_and_ends_with_resume(service: str) -> None:
    async with scene() as played:
        await played.store.give(pause(service))
        await played.cycle()
        await played.restart()
        await played.cycle()
        assert played.replicas() == 3
        decision = await played.last()
        assert decision.held_by == "paused"
        assert "by ann: a move" in decision.reason
        await played.store.withdraw(OrderKind.PAUSE, service)
        await played.cycle()
        assert played.replicas() == 9


async def test_another_services_pause_is_not_ours() -> None:
    async with scene() as played:
        await played.store.give(pause("mail"))
        await played.cycle()
        assert played.replicas() == 9


async def test_while_orders_cannot_be_read_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene() as played:

        async def fail() -> list[Order]:
            raise Temporary("the disk is slow")

        with monkeypatch.context() as broken:
            broken.setattr(played.store, "orders", fail)
            with pytest.raises(Temporary):
                await played.cycle()
            assert played.replicas() == 3
        await played.cycle()
        assert played.replicas() == 9
