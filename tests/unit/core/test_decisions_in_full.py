"""Decisions from end to end: all that a pass says, to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Failed,
    Healing,
    Health,
    Order,
    OrderKind,
    Phase,
    Recommendation,
    Releases,
    Revision,
    Rollout,
    Service,
    Standing,
    Verdict,
    Watch,
)
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
    unknown,
    value,
)
from tests.unit.core import sick
from tests.unit.core import test_by_hand as by_hand
from tests.unit.core import test_healing as healing

BY_LOAD = Recommendation(name="load", replicas=9, reason="300 a replica, target 100: 3 -> 9")
HEALTHY = Standing(state=Health.HEALTHY)
OF_WEB: dict[str, Any] = {
    "at": NOW,
    "policy": "web-policy",
    "service_id": "web-id",
    "service": "web",
    "current": 3,
}


def act(kind: Act, replicas: int, **more: Any) -> Action:
    return Action(
        kind=kind,
        service_id="web-id",
        service="web",
        version=7,
        replicas=replicas,
        previous=3,
        **more,
    )


def test_a_scale() -> None:
    seen = observe(a_service(3), {"load": value(900.0)}, tasks=some_tasks(3))
    policy = a_policy(min=2, behavior=at_once())
    assert decide(policy, seen, a_memory(3))[1] == Decision(
        **OF_WEB,
        wanted=9,
        action=act(Act.SCALE, 9),
        reason=f"load: {BY_LOAD.reason}",
        min=2,
        max=10,
        recommendations=(BY_LOAD,),
        health=HEALTHY,
    )


def test_a_scale_that_is_held() -> None:
    seen = observe(a_service(3), {"load": value(900.0)}, tasks=some_tasks(3), unsettled="timed out")
    policy = a_policy(min=2, behavior=at_once())
    assert decide(policy, seen, a_memory(3))[1] == Decision(
        **OF_WEB,
        wanted=9,
        action=None,
        reason=f"load: {BY_LOAD.reason}; unsettled: timed out",
        min=2,
        max=10,
        held_by="unsettled",
        recommendations=(BY_LOAD,),
        verdicts=(Verdict(guard="unsettled", replicas=3, reason="timed out"),),
        health=HEALTHY,
    )


def test_a_pass_that_knows_nothing() -> None:
    seen = observe(a_service(3), tasks=some_tasks(3))
    assert decide(a_policy(min=2), seen, a_memory(3))[1] == Decision(
        **OF_WEB,
        wanted=None,
        action=None,
        reason="no metric can be trusted; load: not asked yet",
        min=2,
        max=10,
        held_by="missing_data",
        recommendations=(Recommendation(name="load", replicas=None, reason="not asked yet"),),
        health=HEALTHY,
    )


def test_a_policy_that_only_heals() -> None:
    seen = observe(a_service(3), tasks=some_tasks(3))
    assert decide(a_healer(by_hand.BACK), seen, a_memory(3))[1] == Decision(
        **OF_WEB,
        wanted=None,
        action=None,
        reason="the policy does not scale",
        health=HEALTHY,
    )


def test_a_metric_that_says_nothing_beside_others_is_told_once() -> None:
    two = a_policy(metrics=[a_metric("load"), a_metric("jobs")], behavior=at_once())
    more = {"load": value(900.0), "jobs": unknown()}
    grown = decide(two, observe(a_service(3), more), a_memory(3))[1]
    assert grown.reason == f"load: {BY_LOAD.reason}; not known: jobs: no data"
    less = {"load": value(100.0), "jobs": unknown()}
    held = decide(two, observe(a_service(3), less), a_memory(3))[1]
    assert held.reason == (
        "load: 33.3333 a replica, target 100: 3 -> 1; missing_data: jobs: no data"
    )


def test_what_all_metrics_would_shrink_to_is_remembered_and_what_a_part_would_is_not() -> None:
    two = a_policy(metrics=[a_metric("load"), a_metric("jobs")])
    whole = {"load": value(100.0), "jobs": value(100.0)}
    after, _ = decide(two, observe(a_service(3), whole), a_memory(3))
    assert after.recommendations[-1].replicas == 1
    part = {"load": value(100.0), "jobs": unknown()}
    after, _ = decide(two, observe(a_service(3), part), a_memory(3))
    assert [run.replicas for run in after.recommendations] == [3]


def test_each_direction_has_the_tolerance_of_its_policy() -> None:
    behavior = {"scale_up": {"tolerance": 0.3}, "scale_down": {"tolerance": 0.5}}
    policy = a_policy(behavior=behavior)
    for load, wanted in ((1290.0, 10), (1310.0, 14), (510.0, 10), (490.0, 5)):
        decision = decide(policy, observe(a_service(10), {"load": value(load)}), a_memory(10))[1]
        assert decision.recommendations[0].replicas == wanted


@pytest.mark.parametrize(
    ("service", "low", "high"),
    [(a_service(3), 2, 10), (a_service(None), None, None)],
    ids=["replicated", "without replicas"],
)
@pytest.mark.parametrize("how", ["by its policy", "by hand"])
def test_a_service_at_rest(how: str, service: Service, low: int | None, high: int | None) -> None:
    mode = {"mode": "paused"} if how == "by its policy" else {}
    seen = observe(service, {"load": value(900.0)}, paused=None if mode else "paused by ann")
    memory = a_memory(3)
    after, decision = decide(a_policy(min=2, policy=mode), seen, memory)
    assert after is memory
    assert decision == Decision(
        **{**OF_WEB, "current": service.replicas},
        wanted=None,
        action=None,
        reason="the policy is paused" if mode else "paused by ann",
        min=low,
        max=high,
        held_by="paused",
    )


def test_a_cure_before_a_scale() -> None:
    policy = a_policy(policy={"heal": [sick.EXHAUSTED]}, behavior=at_once())
    found = "Swarm gave up 1 of 3 slots: 1 x exit code 1"
    assert sick.step(policy, sick.seen(samples={"load": value(900.0)}))[1] == Decision(
        **OF_WEB,
        wanted=9,
        action=act(Act.RESTART, 3, rule="exhausted", forced=1),
        reason=f"exhausted: {found}; load: {BY_LOAD.reason}",
        min=1,
        max=10,
        recommendations=(
            Recommendation(
                name="exhausted", replicas=None, reason=found, act=Act.RESTART, tasks=("task-1",)
            ),
            BY_LOAD,
        ),
        health=Standing(state=Health.DEGRADED, reasons=("2 of 3 tasks run",)),
    )


def test_of_two_orders_the_first_that_can_be_done_is_done() -> None:
    much = Order(kind=OrderKind.SCALE, service="web", at=NOW - 1, actor="ann", replicas=11)
    asked, outside = "scale to 11 by ann", "11 is outside of max, which is 10"
    calm = Recommendation(name="load", replicas=3, reason="100 a replica, target 100: no change")
    memory, decision = by_hand.step(by_hand.seen(much, by_hand.RESTART))
    assert memory.obeyed == {OrderKind.SCALE: much.at}
    assert decision == Decision(
        **OF_WEB,
        wanted=3,
        action=act(Act.RESTART, 3, rule="restart by hand", forced=1, order=by_hand.RESTART),
        reason=f"{asked}: not done: bounds: {outside}; restart by ann; load: {calm.reason}",
        min=2,
        max=10,
        recommendations=(
            Recommendation(name="scale by hand", replicas=11, reason=asked, by_hand=True),
            Recommendation(
                name="restart by hand",
                replicas=None,
                reason="restart by ann",
                act=Act.RESTART,
                by_hand=True,
            ),
            calm,
        ),
        verdicts=(Verdict(guard="bounds", replicas=3, reason=outside, about="scale by hand"),),
        health=HEALTHY,
        tells=(f"{asked}: not done: bounds: {outside}",),
    )


def test_a_cure_by_hand_leaves_what_the_policy_wants_to_be_told() -> None:
    much = {"load": value(900.0)}
    decision = by_hand.step(by_hand.seen(by_hand.RESTART, samples=much))[1]
    assert (decision.wanted, decision.min, decision.max) == (9, 2, 10)


def test_an_order_that_waits_is_told_after_what_the_policy_says() -> None:
    waits = by_hand.seen(by_hand.RESTART, tasks=None)
    decision = by_hand.step(waits)[1]
    told = "restart by ann: tasks_unknown: which tasks it has is not known"
    assert decision.reason == f"load: 100 a replica, target 100: no change; {told}"
    assert (decision.wanted, decision.held_by) == (3, "tasks_unknown")


def test_an_order_that_is_dropped_leaves_the_policy_held_as_it_was() -> None:
    much = Order(kind=OrderKind.SCALE, service="web", at=NOW - 1, actor="ann", replicas=11)
    decision = by_hand.step(by_hand.seen(much, samples={}))[1]
    assert (decision.action, decision.held_by) == (None, "missing_data")


ORDERS_TOLD = {
    "job": "a replicated-job service is never written to",
    "scalable": "a global service has no number of replicas",
    "bounds": "11 is outside of max, which is 10",
    "as_it_is": "it has 3 replicas already",
    "no_revision": "there is no good release to go back to: 0 are kept, none is fit",
    "open_outcome": "it timed out",
    "rollout_under_way": "an update of the service is updating",
    "tasks_unknown": "which tasks it has is not known",
    "min_available": "2 healthy tasks, a restart takes 1 at a time, 2 must stay",
    "fleet_ceiling": "max_total_replicas leaves 1 of 2 to add",
}


@pytest.mark.parametrize("name", ORDERS_TOLD)
def test_what_holds_an_order_is_told(name: str) -> None:
    given, more = by_hand.HELD[name]
    rest = {"heal": [by_hand.BACK], "disruption": {"min_available": 2}}
    by = a_policy(policy=rest, min=2, behavior=at_once())
    observation = by_hand.seen(given, **more)
    first = by_hand.step(observation, by)[1].verdicts[0]
    assert first == Verdict(
        guard=name,
        replicas=observation.service.replicas or 0,
        reason=ORDERS_TOLD[name],
        about=f"{given.kind} by hand",
    )


CURES_TOLD = {
    "open_outcome": "not known yet",
    "rollout_under_way": "an update of the service is paused",
    "heal_freeze": "'sale' is open",
    "quarantine": "gave up",
    "fleet_stop": "much is sick",
    "failed_cure": "restart did not help several other services",
    "heal_unsent": "it could not be sent; 1 s to go: no leader",
    "heal_backoff": "1 s to go after heal 1",
    "heal_cooldown": "1 s to go since its last cure",
    "min_available": "2 healthy tasks, a restart takes 1 at a time, 2 must stay",
    "heal_budget": "another service was healed; 1 s to go",
    "heal_dry_run": "dry-run: would restart",
}


@pytest.mark.parametrize("name", CURES_TOLD)
def test_what_holds_a_cure_is_told(name: str) -> None:
    policy, observation, known = healing.HOLDS[name]
    (verdict,) = sick.step(a_healer(sick.EXHAUSTED, **policy), observation, known)[1].verdicts
    assert verdict == Verdict(guard=name, replicas=3, reason=CURES_TOLD[name], about="exhausted")


def released(rollout: Rollout, **more: Any) -> Releases:
    """What is known after r3 has taken the place of r2, which had proved itself."""
    known = Releases(
        current="r2",
        since=NOW - 900,
        before="r1",
        tasks_from=NOW - 900,
        well_since=NOW - 600,
        proved=True,
        restored=True,
        failed=(Failed(release="r0", at=NOW - 5000),),
        unfit=("r9",),
        usual={"errors": ((NOW - 60, 2.0), (NOW - 120, 4.0), (NOW - 4000, 99.0))},
    )
    check = {"name": "errors", "query": "errors", "max": 1}
    policy = a_healer(by_hand.BACK, release={"checks": [check]})
    there = a_service(
        3, template="r3", rollout=rollout, rollout_started=NOW - 7, updated_at=NOW - 9
    )
    memory = a_memory(3, healing=Healing(release="r2", releases=known))
    seen = observe(there, tasks=some_tasks(3), **more)
    return decide(policy, seen, memory)[0].healing.releases


def test_a_release_that_came() -> None:
    watch = Watch(release="r3", since=NOW, phase=Phase.ROLLOUT, baseline={"errors": 3.0})
    assert released(Rollout.UPDATING) == Releases(
        current="r3",
        since=NOW,
        before="r2",
        tasks_from=NOW - 7,
        failed=(Failed(release="r0", at=NOW - 5000),),
        unfit=("r9",),
        watch=watch,
        usual={"errors": ((NOW - 60, 2.0), (NOW - 120, 4.0), (NOW - 4000, 99.0))},
    )
    assert released(Rollout.NONE).tasks_from == NOW - 9


def test_a_release_that_swarm_went_back_to() -> None:
    found = released(Rollout.ROLLBACK_STARTED)
    told = "Swarm says rollback_started"
    assert found.failed[1:] == (Failed(release="r2", at=NOW, reason=told),)
    assert (found.current, found.watch) == ("r3", None)
    kept = (Revision(release="r2", at=NOW - 600),)
    assert released(Rollout.ROLLBACK_STARTED, revisions=kept).failed[1:] == ()
