"""A service that nobody decides about: paused, by hand or by policy, or covered twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import STACK_LABEL, Order, OrderKind
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

POLICY = a_policy_document(behavior=at_once(), recovery=1)
SLOW = a_policy_document(behavior={"scale_down": {"stabilization": "5m"}}, recovery=1)


def paused() -> list[Any]:
    return [{**POLICY, "mode": "paused"}]


def covered_twice() -> list[Any]:
    return [POLICY, {**POLICY, "name": "another"}]


@pytest.mark.parametrize("policies", [paused, covered_twice])
async def test_its_memory_stays_as_it_is_however_long_it_rests(
    policies: Callable[[], list[Any]],
) -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(300.0)) as played:
        await played.cycle()
        before = played.memories["web-id"]
        played.rewrite(policies())
        played.clock.advance(3600.0)
        await played.cycles(5)
        assert played.memories["web-id"] == before
        assert (await played.store.memories())["web-id"].recommendations == before.recommendations


async def test_after_a_pause_by_hand_a_whole_window_passes_before_it_shrinks() -> None:
    async with Scenario(a_service(9), policies=[SLOW], answer=constant(900.0)) as played:
        await played.cycle()
        await played.store.give(Order(kind=OrderKind.PAUSE, service="", at=0.0, actor="ann"))
        played.source.answer = constant(100.0)
        for _ in range(24):
            played.clock.advance(15.0)
            await played.cycle(seconds=0)
        await played.store.withdraw(OrderKind.PAUSE, "")
        await played.cycle()
        assert played.replicas() == 9
        await played.cycles(21)
        assert played.replicas() == 1


async def test_who_changed_a_service_that_rests_is_not_asked_for_ever() -> None:
    stack = [
        a_service(2, id=f"{name}-id", name=name, labels={STACK_LABEL: "shop"})
        for name in ("web", "api")
    ]
    async with Scenario(*stack, policies=[POLICY], answer=constant(200.0)) as played:
        await played.cycle()
        played.swarm.write("web-id", replicas=5, updated_at=played.clock())
        await played.cycle(seconds=1)
        assert played.reconciler.unclear("web-id")
        await played.store.give(Order(kind=OrderKind.PAUSE, service="", at=0.0, actor="ann"))
        await played.cycle()
        assert not played.reconciler.unclear("web-id")
        await played.store.withdraw(OrderKind.PAUSE, "")
        await played.cycle()
        assert (await played.last()).held_by == "manual_change"
