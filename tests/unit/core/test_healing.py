"""From symptoms to a cure: what is asked for, and what holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.decide import decide
from autoscaler.decide.heal_guards import HEAL_GUARDS
from autoscaler.decide.release_guards import NO_WAY_BACK
from autoscaler.model import (
    Act,
    FleetFacts,
    Healing,
    Health,
    Memory,
    Mode,
    Observation,
    Quarantine,
    Rollout,
    Task,
    TaskState,
    Unsent,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_memory,
    a_metric,
    a_policy,
    a_task,
    at_once,
    some_tasks,
    value,
)
from tests.unit.core.sick import EXHAUSTED, KNOWN, SERVICE, attempt, seen, step


def test_a_slot_that_swarm_gave_up_is_restarted() -> None:
    _, decision = step(a_healer(EXHAUSTED), seen())
    action = decision.action
    assert action is not None
    assert (action.kind, action.rule, action.forced) == (Act.RESTART, "exhausted", 1)
    assert (action.replicas, action.previous) == (3, 3)
    assert decision.health is not None
    assert decision.health.state is Health.DEGRADED
    assert decision.reason.startswith("exhausted: Swarm gave up 1 of 3 slots")
    assert decision.recommendations[0].tasks == ("task-1",)


def test_a_finding_must_last_as_long_as_the_policy_says() -> None:
    policy = a_healer({**EXHAUSTED, "for": "1m"})
    healing, decision = step(policy, seen())
    assert decision.action is None
    healing, decision = step(policy, seen(now=NOW + 59), healing)
    assert decision.action is None
    well, _ = step(policy, seen(tasks=some_tasks(3), now=NOW + 59.5), healing)
    assert well.since == {}
    _, decision = step(policy, seen(now=NOW + 60), healing)
    assert decision.action is not None


def test_tasks_that_were_not_listed_are_no_sickness() -> None:
    _, decision = step(a_healer(EXHAUSTED), seen(tasks=None))
    assert decision.action is None
    assert decision.health is not None
    assert decision.health.state is Health.UNKNOWN


HOLDS: dict[str, tuple[dict[str, Any], Observation, Healing]] = {
    "without_replicas": ({}, seen(replace(SERVICE, replicas=0)), KNOWN),
    "open_outcome": ({}, seen(unsettled="not known yet"), KNOWN),
    "rollout_under_way": ({}, seen(replace(SERVICE, rollout=Rollout.PAUSED)), KNOWN),
    "heal_freeze": (
        {
            "scale": {
                "max": 9,
                "schedules": [
                    {"name": "sale", "cron": "0 8 * * *", "duration": "1h", "freeze": "both"}
                ],
            }
        },
        seen(windows=("sale",)),
        KNOWN,
    ),
    "quarantine": (
        {},
        seen(),
        replace(KNOWN, quarantine=Quarantine(at=NOW, reason="gave up", release="r1")),
    ),
    "fleet_stop": ({}, seen(fleet=FleetFacts(heal_stop="much is sick")), KNOWN),
    "failed_cure": ({}, seen(fleet=FleetFacts(failed_cures=(Act.RESTART,))), KNOWN),
    "heal_unsent": (
        {},
        seen(),
        replace(KNOWN, unsent=Unsent(at=NOW - 29.0, reason="no leader")),
    ),
    "heal_backoff": (
        {"disruption": {"backoff": "30s"}},
        seen(),
        replace(KNOWN, attempts=(attempt(29.0, "other"),)),
    ),
    "heal_cooldown": (
        {},
        seen(),
        replace(KNOWN, attempts=(attempt(599.0),), counted_from=NOW - 1),
    ),
    "min_available": ({"disruption": {"min_available": 2}}, seen(), KNOWN),
    "heal_budget": ({}, seen(fleet=FleetFacts(heal_at=NOW + 1)), KNOWN),
    "heal_dry_run": ({"mode": "dry-run"}, seen(), KNOWN),
}


def test_nothing_holds_it_but_the_guards(always: None) -> None:
    assert step(a_healer(EXHAUSTED), seen())[1].action is not None


def test_every_guard_is_tested() -> None:
    elsewhere = {"no_task", "not_replaced", "without_agent", "still_replacing", "second_look"}
    elsewhere |= {*NO_WAY_BACK, "earlier_tasks", "treated"}
    assert {guard.__name__ for guard in HEAL_GUARDS} == HOLDS.keys() | {"job"} | elsewhere


@pytest.mark.parametrize("guard", HOLDS)
def test_each_guard_holds_the_cure_and_says_so(always: None, guard: str) -> None:
    policy, observation, healing = HOLDS[guard]
    _, decision = step(a_healer(EXHAUSTED, **policy), observation, healing)
    assert decision.action is None
    assert decision.held_by == guard
    (verdict,) = decision.verdicts
    assert (verdict.guard, verdict.about) == (guard, "exhausted")
    assert verdict.reason in decision.reason


@pytest.mark.parametrize("mode", [Mode.REPLICATED_JOB, Mode.GLOBAL_JOB])
def test_a_job_is_never_restarted(always: None, mode: Mode) -> None:
    service = replace(SERVICE, mode=mode, replicas=None)
    decision = step(a_healer(EXHAUSTED), seen(service))[1]
    assert decision.action is None
    assert decision.verdicts[0].guard == "job"


def test_only_of_rollbacks_the_rest_is_one_releases(always: None) -> None:
    earlier = replace(attempt(599.0), release="r0")
    known = replace(KNOWN, attempts=(earlier,), counted_from=NOW - 1)
    assert step(a_healer(EXHAUSTED), seen(), known)[1].held_by == "heal_cooldown"
    back = replace(earlier, act=Act.ROLLBACK)
    known = replace(known, attempts=(back,))
    assert step(a_healer(EXHAUSTED), seen(), known)[1].action is not None


def test_min_available_is_met_where_a_rollout_starts_first(always: None) -> None:
    policy = a_healer(EXHAUSTED, disruption={"min_available": 2})
    assert step(policy, seen(replace(SERVICE, start_first=True)))[1].action is not None


def test_a_parallelism_of_zero_takes_all_at_once(always: None) -> None:
    policy = a_healer(EXHAUSTED, disruption={"min_available": 1})
    assert step(policy, seen(replace(SERVICE, at_once=0)))[1].held_by == "min_available"


def test_what_a_person_has_paused_is_neither_healed_nor_scaled(always: None) -> None:
    policy = a_policy(policy={"heal": [EXHAUSTED]}, behavior=at_once(), max=9)
    samples = {"load": value(900.0)}
    memory = a_memory(healing=KNOWN)
    after, decision = decide(policy, seen(samples=samples, paused="paused by ann: why"), memory)
    assert (decision.action, decision.held_by) == (None, "paused")
    assert decision.reason == "paused by ann: why"
    assert after == memory


def test_a_held_cure_does_not_block_a_scale() -> None:
    policy = a_policy(policy={"heal": [EXHAUSTED]}, behavior=at_once(), max=9)
    held = seen(samples={"load": value(900.0)}, fleet=FleetFacts(heal_stop="much is sick"))
    memory = a_memory(healing=KNOWN)
    _, decision = decide(policy, held, memory)
    assert decision.action is not None
    assert (decision.action.kind, decision.action.replicas) == (Act.SCALE, 9)
    assert decision.held_by is None
    assert [verdict.guard for verdict in decision.verdicts] == ["fleet_stop"]


def test_a_cure_comes_before_a_scale() -> None:
    policy = a_policy(policy={"heal": [EXHAUSTED]}, behavior=at_once(), max=9)
    _, decision = decide(policy, seen(samples={"load": value(900.0)}), a_memory(healing=KNOWN))
    assert decision.action is not None
    assert decision.action.kind is Act.RESTART
    assert decision.wanted == 9


def test_healing_works_where_a_policy_does_not_scale_and_rests_while_it_is_paused() -> None:
    assert step(a_healer(EXHAUSTED, mode="paused"), seen())[1].action is None
    assert step(a_healer(EXHAUSTED), seen())[1].action is not None


def test_notify_tells_once_and_again_after_its_cooldown() -> None:
    policy = a_healer({"rule": "exhausted", "then": "notify", "cooldown": "10m"})
    healing, told = KNOWN, []
    for later in (0.0, 15.0, 599.0, 600.0, 615.0):
        healing, decision = step(policy, seen(now=NOW + later), healing)
        assert decision.action is None
        told.append(bool(decision.tells))
    assert told == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("service", "tasks", "state"),
    [
        ({}, some_tasks(3), Health.HEALTHY),
        ({}, some_tasks(2), Health.DEGRADED),
        ({}, (), Health.UNHEALTHY),
        ({}, (*some_tasks(2), a_task(3, TaskState.STARTING, created_at=NOW - 5)), Health.HEALTHY),
        ({}, (*some_tasks(2), a_task(3, TaskState.STARTING, created_at=NOW - 61)), Health.DEGRADED),
        ({}, some_tasks(3, node_ready=False), Health.UNHEALTHY),
        ({"replicas": 0}, (), Health.HEALTHY),
        ({"rollout": Rollout.UPDATING}, some_tasks(1), Health.UPDATING),
        ({"rollout": Rollout.PAUSED}, some_tasks(3), Health.STUCK),
        ({"mode": Mode.GLOBAL, "replicas": None}, some_tasks(2, slot=0), Health.HEALTHY),
        ({"mode": Mode.REPLICATED_JOB, "replicas": None}, (), Health.UNKNOWN),
    ],
)
def test_the_state_of_a_service_without_any_rule(
    service: dict[str, Any], tasks: tuple[Task, ...], state: Health
) -> None:
    _, decision = step(a_healer(), seen(replace(SERVICE, **service), tasks))
    assert decision.health is not None
    assert decision.health.state is state


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"rule": "exhausted", "then": "pray"}, "restart"),
        ({"rule": "image_missing", "then": "restart"}, "does not help against image_missing"),
        ({"rule": "exhaustion", "then": "restart"}, "no healing plugin 'exhaustion'; installed:"),
        ({"rule": "exhausted", "then": "restart", "failures": 3}, "unknown key 'failures'"),
        ({"rule": "crash_loop", "then": "restart", "failures": 1}, "greater than or equal to 2"),
    ],
)
def test_a_mistake_in_heal_is_told_when_the_policy_is_loaded(
    entry: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        a_healer(entry)


def test_two_entries_of_one_rule_need_names_of_their_own() -> None:
    with pytest.raises(ValidationError, match="two entries of heal are named 'exhausted'"):
        a_healer(EXHAUSTED, {**EXHAUSTED, "then": "notify"})
    assert len(a_healer(EXHAUSTED, {**EXHAUSTED, "name": "more"}).heal) == 2


def test_what_is_wanted_is_told_beside_what_is_sick() -> None:
    policy = a_policy(metrics=[a_metric()], policy={"heal": [EXHAUSTED]})
    _, decision = decide(policy, seen(samples={"load": value(300.0)}), Memory())
    assert [found.name for found in decision.recommendations] == ["exhausted", "load"]
