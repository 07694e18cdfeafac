"""Which orders by hand are done, which wait, and which are refused; and what they leave behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import by_hand, decide, recall
from autoscaler.decide.order_guards import FINAL, ORDER_GUARDS
from autoscaler.model import (
    Act,
    Decision,
    FleetFacts,
    Healing,
    Memory,
    Mode,
    Observation,
    Order,
    OrderKind,
    Quarantine,
    Releases,
    Revision,
    Rollout,
)
from autoscaler.policy import Policy
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    observe,
    some_tasks,
    value,
)

KEPT = (Revision(release="r1", at=NOW - 900.0), Revision(release="r2", at=NOW - 500.0))
HERE = a_service(3, template="r3")
CALM = {"load": value(300.0)}
BACK = {"rule": "stuck_update", "then": "rollback"}


def order(kind: OrderKind, **more: Any) -> Order:
    return Order(kind=kind, service="web", at=NOW - 1.0, actor="ann", **more)


SCALE = order(OrderKind.SCALE, replicas=5)
RESTART, REBALANCE = order(OrderKind.RESTART), order(OrderKind.REBALANCE)
ROLLBACK = order(OrderKind.ROLLBACK)


def policy(**keys: Any) -> Policy:
    return a_policy(min=2, policy={"heal": [BACK], **keys}, behavior=at_once())


def seen(*orders: Order, **more: Any) -> Observation:
    service = more.pop("service", HERE)
    found = {"tasks": some_tasks(3), "revisions": KEPT, "samples": CALM, **more}
    return observe(service, orders=orders, **found)


def step(
    observation: Observation, by: Policy | None = None, memory: Memory | None = None
) -> tuple[Memory, Decision]:
    return decide(by or policy(), observation, memory or a_memory(3))


@pytest.mark.parametrize("given", [SCALE, RESTART, REBALANCE, ROLLBACK])
def test_nothing_that_only_paces_the_policy_holds_a_person(given: Order) -> None:
    """A pause, a dry run, a frozen window, a quarantine, a fleet that is sick, no data."""
    frozen = {"name": "frozen", "cron": "0 8 * * *", "duration": "10h", "freeze": "both"}
    by = a_policy(policy={"heal": [BACK], "mode": "dry-run"}, schedules=[frozen])
    sick = FleetFacts(removable=0, heal_at=NOW + 60, heal_stop="all sick", failed_cures=(*Act,))
    healing = Healing(quarantine=Quarantine(at=NOW - 60, reason="given up"))
    memory = a_memory(3, healing=healing, disturbed_at=NOW - 1, missing_since=NOW - 1)
    hard = seen(given, samples={}, windows=("frozen",), fleet=sick, paused="paused by bob")
    for observation in (hard, replace(hard, paused=None)):
        _, decision = step(observation, by, memory)
        assert decision.action is not None
        assert (decision.action.kind, decision.action.order) == (given.kind.act, given)
        assert decision.reason.startswith(given.asks)
        assert decision.held_by is None


HELD: dict[str, tuple[Order, dict[str, Any]]] = {
    "job": (RESTART, {"service": replace(HERE, mode=Mode.REPLICATED_JOB)}),
    "scalable": (SCALE, {"service": replace(HERE, mode=Mode.GLOBAL, replicas=None)}),
    "bounds": (order(OrderKind.SCALE, replicas=11), {}),
    "as_it_is": (order(OrderKind.SCALE, replicas=3), {}),
    "no_revision": (ROLLBACK, {"revisions": ()}),
    "open_outcome": (SCALE, {"unsettled": "it timed out"}),
    "rollout_under_way": (SCALE, {"service": replace(HERE, rollout=Rollout.UPDATING)}),
    "tasks_unknown": (RESTART, {"tasks": None}),
    "min_available": (RESTART, {"tasks": some_tasks(2)}),
    "fleet_ceiling": (SCALE, {"fleet": FleetFacts(addable=1)}),
}


@pytest.mark.parametrize("name", [guard.__name__ for guard in ORDER_GUARDS])
def test_each_guard_holds_what_it_is_there_for(name: str) -> None:
    given, more = HELD[name]
    rest = {"heal": [BACK], "disruption": {"min_available": 2}}
    by = a_policy(policy=rest, min=2, behavior=at_once())
    after, decision = step(seen(given, **more), by)
    assert decision.action is None
    assert [each.guard for each in decision.verdicts if each.about][:1] == [name]
    ended = after.obeyed == {given.kind: given.at}
    assert ended is (name in FINAL)
    assert bool(decision.tells) is ended
    if not ended:
        assert decision.held_by == name


@pytest.mark.parametrize(
    ("given", "more", "told"),
    [
        (order(OrderKind.SCALE, replicas=0), {}, "0 is outside of min, which is 2"),
        (
            order(OrderKind.RESTART),
            {"service": replace(HERE, replicas=0)},
            "it is set to 0 replicas",
        ),
        (
            order(OrderKind.ROLLBACK, release="r3"),
            {},
            "release r3 is what it has already",
        ),
        (
            order(OrderKind.ROLLBACK, release="gone"),
            {},
            "release gone is not among the 2 that are kept",
        ),
    ],
)
def test_what_cannot_be_ends_the_order(given: Order, more: dict[str, Any], told: str) -> None:
    after, decision = step(seen(given, **more))
    assert decision.action is None or decision.action.order is None
    assert after.obeyed == {given.kind: given.at}
    assert f"{given.asks}: not done: " in decision.reason
    assert decision.verdicts[0].reason == told


def test_what_the_fleet_leaves_can_be_had_to_the_last_replica() -> None:
    for addable, done in ((2, True), (1, False)):
        _, decision = step(seen(SCALE, fleet=FleetFacts(addable=addable)))
        assert (decision.action is not None) is done


def test_a_global_service_is_restarted_and_none_but_a_replicated_one_scaled() -> None:
    everywhere = replace(HERE, mode=Mode.GLOBAL, replicas=None)
    _, decision = step(seen(RESTART, service=everywhere))
    assert decision.action is not None
    assert (decision.action.kind, decision.action.forced) == (Act.RESTART, 1)
    assert (decision.action.replicas, decision.action.previous) == (0, 0)


def test_without_a_policy_for_its_size_a_service_has_no_bounds() -> None:
    _, decision = step(seen(order(OrderKind.SCALE, replicas=50)), a_healer(BACK))
    assert decision.action is not None
    assert (decision.action.previous, decision.action.replicas) == (3, 50)


def test_the_bounds_are_those_of_the_schedules_that_are_open() -> None:
    busy = {"name": "busy", "cron": "0 8 * * *", "duration": "10h", "min": 4}
    by = a_policy(schedules=[busy])
    few = order(OrderKind.SCALE, replicas=2)
    _, decision = step(seen(few, windows=("busy",)), by)
    assert "2 is outside of min of 'busy', which is 4" in decision.reason
    _, decision = step(seen(few), by)
    assert decision.action is not None


def test_a_rollback_resolves_a_rollout_that_hangs_with_the_replicas_of_now() -> None:
    stuck = replace(HERE, rollout=Rollout.PAUSED, rollout_started=NOW - 20)
    _, decision = step(seen(ROLLBACK, service=stuck))
    assert decision.action is not None
    assert (decision.action.release, decision.action.over) == ("r2", Rollout.PAUSED)
    assert decision.action.replicas == 3
    _, decision = step(seen(ROLLBACK, service=replace(stuck, rollout=Rollout.ROLLBACK_STARTED)))
    assert decision.held_by == "rollout_under_way"


def test_a_named_release_is_brought_back_also_where_it_is_not_the_newest() -> None:
    _, decision = step(seen(order(OrderKind.ROLLBACK, release="r1")))
    assert decision.action is not None
    assert decision.action.release == "r1"


def test_while_nothing_is_kept_it_says_why() -> None:
    by = a_healer({"rule": "exhausted", "then": "restart"})
    _, decision = step(seen(ROLLBACK, revisions=()), by)
    assert "no release is kept to go back to; `release: {}` in the policy" in decision.reason


def left(proved: bool) -> Releases:
    """What is known after a person took r3 back, which had proved itself or not."""
    known = Releases(current="r3", since=NOW - 500.0, proved=proved)
    memory, decision = step(
        seen(ROLLBACK), memory=a_memory(3, healing=Healing(release="r3", releases=known))
    )
    assert decision.action is not None
    return recall.after(memory, decision.action, NOW).healing.releases


def test_what_a_person_leaves_has_failed_unless_it_had_proved_itself() -> None:
    failed = left(proved=False).failure("r3")
    assert failed is not None
    assert not failed.ours
    assert left(proved=True).failure("r3") is None
    assert left(proved=True).current == "r2"


def test_a_rollback_in_a_pause_knows_which_release_it_leaves() -> None:
    known = Releases(current="r2", since=NOW - 500.0, proved=True)
    memory = a_memory(3, healing=Healing(release="r2", releases=known))
    after, decision = step(seen(ROLLBACK, paused="paused by bob"), memory=memory)
    assert decision.action is not None
    releases = recall.after(after, decision.action, NOW).healing.releases
    assert (releases.current, releases.before) == ("r2", "r3")
    assert releases.failure("r3") is not None
    assert releases.failure("r2") is None


def test_restarts_by_hand_lead_to_no_back_off_and_no_quarantine() -> None:
    memory = a_memory(3)
    for _ in range(5):
        _, decision = step(seen(RESTART), memory=memory)
        assert decision.action is not None
        memory = replace(recall.after(memory, decision.action, NOW), obeyed={})
    assert len(memory.healing.attempts) == 5
    assert memory.healing.run == ()


def test_after_a_scale_to_nothing_the_service_is_switched_off_by_a_person() -> None:
    by = a_policy(min=0, metrics=[a_metric("load")])
    memory, decision = step(seen(order(OrderKind.SCALE, replicas=0)), by)
    assert decision.action is not None
    memory = recall.after(memory, decision.action, NOW)
    assert (memory.zeroed, memory.disturbed_at, memory.scaled) == (False, NOW, ())
    off = observe(replace(HERE, replicas=0, version=8), {"load": value(900.0)}, now=NOW + 900)
    _, decision = decide(by, off, memory)
    assert decision.held_by == "switched_off"


def test_an_order_of_the_same_kind_at_another_time_is_another_order() -> None:
    memory = a_memory(3, obeyed={OrderKind.RESTART: RESTART.at})
    assert step(seen(RESTART), memory=memory)[1].action is None
    for at in (RESTART.at + 0.5, RESTART.at - 0.5):
        _, decision = step(seen(replace(RESTART, at=at)), memory=memory)
        assert decision.action is not None


def test_an_order_whose_time_is_over_is_not_dropped_while_its_act_may_be_under_way() -> None:
    late = replace(RESTART, until=NOW - 0.5)
    after, decision = step(seen(late, unsettled="it timed out"))
    assert (after.obeyed, decision.held_by) == ({}, "open_outcome")
    after, decision = step(seen(late))
    assert after.obeyed == {OrderKind.RESTART: late.at}
    assert decision.tells == ("restart by ann: not done: its time is over",)


def test_where_no_policy_can_speak_for_the_service_orders_are_refused_with_the_reason() -> None:
    decision = step(seen())[1]
    torn = replace(decision, reason="two policies name it", action=None)
    after, refused = by_hand.refuse(seen(SCALE, RESTART), a_memory(3), torn)
    assert after.obeyed == {OrderKind.SCALE: SCALE.at, OrderKind.RESTART: RESTART.at}
    assert (refused.action, refused.wanted) == (None, decision.wanted)
    assert refused.tells == (
        "scale to 5 by ann: not done: two policies name it",
        "restart by ann: not done: two policies name it",
    )
    known = a_memory(3)
    assert by_hand.refuse(seen(), known, torn) == (known, torn)
