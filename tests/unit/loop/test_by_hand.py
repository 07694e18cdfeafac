"""Orders by hand in the whole loop: done once, recorded, withdrawn, and safe against a crash."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from autoscaler.errors import Temporary
from autoscaler.model import Act, Order, OrderKind, Outcome, Rollout, Service
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

CALM = a_policy_document(behavior=at_once(), recovery=1, max=10)
KEEPS = {
    "name": "web-policy",
    "services": ["web"],
    "heal": [{"rule": "stuck_update", "then": "rollback"}],
    "release": {"bake": "30s"},
}
RELEASED = a_service(3, template="r1", image="app:1@sha256:1", rollout=Rollout.COMPLETED)


def scene(service: Service | None = None, policy: Any = CALM, **more: Any) -> Scenario:
    """A service whose metric is content with three replicas."""
    return Scenario(service or a_service(3), policies=[policy], answer=constant(300.0), **more)


async def give(played: Scenario, kind: OrderKind, service: str = "web", **more: Any) -> Order:
    order = Order(kind=kind, service=service, at=played.clock(), actor="ann", reason="why", **more)
    await played.store.give(order)
    return order


async def standing(played: Scenario) -> list[Order]:
    return [*await played.store.orders()]


def done(played: Scenario) -> list[tuple[Act, int]]:
    return [(action.kind, action.replicas) for action in played.swarm.applied]


async def outcomes(played: Scenario) -> list[Outcome | None]:
    past = await played.store.history(service="web")
    return [outcome for decision, outcome in past if decision.action is not None]


async def test_a_scale_is_done_once_recorded_with_who_and_why_and_withdrawn() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.SCALE, replicas=5)
        await played.cycle()
        assert done(played) == [(Act.SCALE, 5)]
        assert await standing(played) == []
        change = await played.store.last_change("web")
        assert change is not None
        record, outcome = change
        assert outcome is Outcome.DONE
        assert record.decision.reason.startswith("scale to 5 by ann: why")
        assert record.decision.action is not None
        assert record.decision.action.order is not None
        assert record.decision.action.order.actor == "ann"
        await played.cycles(3)
        assert played.replicas() == 5


async def test_after_a_scale_by_hand_the_policy_rests_as_after_dockers_and_then_goes_on() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.SCALE, replicas=5)
        await played.cycles(2)
        decision = await played.last()
        assert (decision.current, decision.held_by) == (5, "manual_change")
        await played.cycles(21)
        assert done(played) == [(Act.SCALE, 5), (Act.SCALE, 3)]


@pytest.mark.parametrize("kind", [OrderKind.RESTART, OrderKind.REBALANCE])
async def test_tasks_are_replaced_once_however_often_it_is_looked_at(kind: OrderKind) -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, kind)
        await played.cycles(40)
        assert done(played) == [(kind.act, 3)]
        assert played.swarm.services["web-id"].forced == 1
        assert await outcomes(played) == [Outcome.DONE]


async def test_a_rollback_brings_the_newest_other_good_release_back() -> None:
    async with scene(RELEASED, KEEPS) as played:
        await played.cycles(4)
        played.swarm.write("web-id", template="r2", image="app:2")
        await played.cycles(4)
        assert len((await played.store.revisions())["web-id"]) == 2
        await give(played, OrderKind.ROLLBACK)
        await played.cycle()
        assert played.swarm.services["web-id"].template == "r1"
        await played.cycles(4)
        await give(played, OrderKind.ROLLBACK, release="r2")
        await played.cycle()
        assert played.swarm.services["web-id"].template == "r2"
        assert done(played) == [(Act.ROLLBACK, 3)] * 2


async def test_a_release_that_the_cluster_refuses_ends_the_order_as_failed() -> None:
    async with scene(RELEASED, KEEPS) as played:
        await played.cycles(4)
        played.swarm.write("web-id", template="r2", image="app:2")
        played.swarm.unfit.add("r1")
        await played.cycle()
        await give(played, OrderKind.ROLLBACK)
        await played.cycles(3)
        assert await standing(played) == []
        assert await outcomes(played) == [Outcome.FAILED]
        assert played.swarm.services["web-id"].template == "r2"


async def test_a_person_acts_though_everything_is_paused() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.PAUSE, "")
        await give(played, OrderKind.RESTART)
        await played.cycles(2)
        assert done(played) == [(Act.RESTART, 3)]
        assert [order.kind for order in await standing(played)] == [OrderKind.PAUSE]


async def test_an_order_waits_for_the_end_of_a_rollout() -> None:
    async with scene(a_service(3, rollout=Rollout.UPDATING)) as played:
        await give(played, OrderKind.RESTART)
        await played.cycles(3)
        assert done(played) == []
        decision = await played.last()
        assert decision.held_by == "rollout_under_way"
        assert "restart by ann: why: rollout_under_way: an update" in decision.reason
        played.swarm.write("web-id", rollout=Rollout.COMPLETED)
        await played.cycle()
        assert done(played) == [(Act.RESTART, 3)]


async def test_an_order_that_cannot_be_done_in_time_is_dropped_and_told() -> None:
    async with scene(a_service(3, rollout=Rollout.UPDATING)) as played:
        await give(played, OrderKind.RESTART, until=played.clock() + 60)
        await played.cycles(5)
        told = "restart by ann: why: not done: its time is over; rollout_under_way: an update"
        past = [decision for decision, _ in await played.store.history(service="web")]
        assert [t for each in past for t in each.tells if t.startswith(told)]
        played.swarm.write("web-id", rollout=Rollout.COMPLETED)
        await played.cycles(3)
        assert done(played) == []
        assert await standing(played) == []


async def test_an_order_that_is_fulfilled_already_ends_with_a_word_of_it() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.SCALE, replicas=3)
        await played.cycle()
        assert "not done: as_it_is: it has 3 replicas already" in (await played.last()).reason
        assert await standing(played) == []
        assert done(played) == []


async def test_orders_are_done_one_at_a_time_the_gravest_first() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.SCALE, replicas=5)
        await give(played, OrderKind.RESTART)
        await played.cycle()
        assert done(played) == [(Act.RESTART, 3)]
        await played.cycle()
        assert done(played) == [(Act.RESTART, 3), (Act.SCALE, 5)]


async def test_a_newer_order_of_the_kind_is_not_lost_with_the_one_that_is_done() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.SCALE, replicas=5)
        await played.reconciler.heed()
        played.clock.advance(1.0)
        newer = await give(played, OrderKind.SCALE, replicas=7)
        await played.reconciler.reconcile([], played.covering)
        assert await standing(played) == [newer]
        await played.cycle()
        assert done(played) == [(Act.SCALE, 7)]


async def test_what_no_policy_covers_waits_for_one_and_is_dropped_aloud() -> None:
    mail = a_service(2, id="mail-id", name="mail")
    async with Scenario(a_service(3), mail, policies=[CALM], answer=constant(300.0)) as played:
        await give(played, OrderKind.RESTART, "mail")
        await played.cycle()
        assert len(await standing(played)) == 1
        with structlog.testing.capture_logs() as lines:
            await played.cycles(20)
        (line,) = [each for each in lines if each["event"] == "order ended"]
        assert (line["service"], line["reason"]) == ("mail", "no policy covers it")
        assert await standing(played) == []
        assert done(played) == []


async def test_an_order_outlives_a_start_at_which_policies_are_not_known_yet() -> None:
    async with scene() as played:
        played.rewrite([])
        await give(played, OrderKind.RESTART)
        await played.cycles(3)
        played.rewrite([CALM])
        await played.cycle()
        assert done(played) == [(Act.RESTART, 3)]


async def test_an_order_about_a_service_that_never_comes_is_dropped_in_the_end() -> None:
    async with scene() as played:
        await give(played, OrderKind.RESTART, "wbe")
        await played.cycle()
        assert len(await standing(played)) == 1
        with structlog.testing.capture_logs() as lines:
            await played.cycles(20)
        assert [each["reason"] for each in lines if each["event"] == "order ended"] == [
            "there is no such service"
        ]
        assert await standing(played) == []


async def test_where_two_policies_quarrel_no_order_is_heeded() -> None:
    other = {**CALM, "name": "other"}
    played = Scenario(a_service(3), policies=[CALM, other], answer=constant(300.0))
    async with played:
        await give(played, OrderKind.RESTART)
        await played.cycles(2)
        assert done(played) == []
        assert await standing(played) == []
        past = await played.store.history(service="web")
        told = "restart by ann: why: not done: policies web-policy and other both cover it"
        assert [True for decision, _ in past for said in decision.tells if told in said] == [True]


async def test_a_lost_answer_is_read_and_the_order_is_not_done_twice() -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.RESTART)
        played.swarm.lose_answers = True
        await played.cycle()
        played.swarm.lose_answers = False
        assert len(await standing(played)) == 1
        await played.restart()
        await played.cycles(5)
        assert done(played) == [(Act.RESTART, 3)]
        assert await outcomes(played) == [Outcome.DONE]
        assert await standing(played) == []


async def test_a_process_that_dies_before_it_withdraws_an_order_does_not_repeat_it() -> None:
    async with scene() as played:
        await played.cycles(2)
        order = await give(played, OrderKind.RESTART)
        await played.cycle()
        await played.store.give(order)  # as if it had never been withdrawn
        await played.restart()
        await played.cycles(3)
        assert done(played) == [(Act.RESTART, 3)]
        assert await standing(played) == []


async def test_a_store_that_does_not_withdraw_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene() as played:
        await played.cycles(2)
        await give(played, OrderKind.RESTART)

        async def fail(*_: Any, **__: Any) -> bool:
            raise Temporary("the disk is slow")

        with monkeypatch.context() as broken:
            broken.setattr(played.store, "withdraw", fail)
            await played.cycles(2)
        assert len(await standing(played)) == 1
        await played.cycle()
        assert await standing(played) == []
        assert done(played) == [(Act.RESTART, 3)]


async def test_a_pause_with_an_end_is_over_by_itself_and_says_so() -> None:
    async with scene() as played:
        await give(played, OrderKind.PAUSE, until=played.clock() + 40)
        await played.cycle()
        assert (await played.last()).held_by == "paused"
        assert played.reconciler.next_window() == played.clock() + 25
        with structlog.testing.capture_logs() as lines:
            await played.cycle(25.0)
        (line,) = [each for each in lines if each["event"] == "order ended"]
        assert line["order"] == "pause by ann: why"
        assert (await played.last()).held_by is None
        assert await standing(played) == []


async def test_what_a_person_takes_away_does_not_brake_the_policies() -> None:
    async with scene(a_service(10)) as played:
        played.source.answer = constant(1000.0)
        await played.cycles(2)
        before = played.passes.brake.facts(10, played.clock()).removable
        await give(played, OrderKind.SCALE, replicas=4)
        await played.cycle()
        assert played.replicas() == 4
        assert played.passes.brake.facts(10, played.clock()).removable == before
