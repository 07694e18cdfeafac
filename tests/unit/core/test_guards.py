"""Each guard holds what it shall, lets the rest pass, and the first in order speaks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.decide.guards import GUARDS
from autoscaler.model import (
    Changed,
    Decision,
    FleetFacts,
    Healing,
    Mode,
    Quality,
    Releases,
    Rollout,
    Room,
    Run,
    Sample,
    Scaled,
    TaskState,
    Watch,
)
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    a_task,
    at_once,
    observe,
    partial,
    some_tasks,
    unknown,
    value,
)

CURRENT = 5


@dataclass(frozen=True)
class Situation:
    """What differs from a service of 5 replicas that nothing keeps from 8, or from 2."""

    guard: str = ""
    directions: str = "up down"
    policy: dict[str, Any] = field(default_factory=dict)
    scale: dict[str, Any] = field(default_factory=dict)
    pace: dict[str, Any] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    def and_(self, other: Situation) -> Situation:
        """Both at once; the other speaks where they differ."""
        merged: dict[str, Any] = {
            name: {**getattr(self, name), **getattr(other, name)}
            for name in ("policy", "scale", "pace", "service", "seen", "samples", "memory")
        }
        return replace(self, **merged)


def judged(direction: str, situation: Situation) -> Decision:
    load = {**a_metric("load"), "coverage": {"query": "covered"}}
    behavior = {way: {**pace, **situation.pace} for way, pace in at_once().items()}
    metrics = [load, a_metric("other"), a_metric("third")]
    scale = {"behavior": behavior, "metrics": metrics, **situation.scale}
    wanted = value(800.0 if direction == "up" else 200.0)
    samples = {"load": wanted, "other": value(0.0), "third": value(0.0)}
    seen = {"coverage": {"load": value(1.0)}, "tasks": some_tasks(CURRENT), **situation.seen}
    observation = observe(
        a_service(CURRENT, **situation.service), {**samples, **situation.samples}, **seen
    )
    policy = a_policy(policy=situation.policy, **scale)
    return decide(policy, observation, a_memory(CURRENT, **situation.memory))[1]


JOBS = {"hold_down_while": [{"name": "jobs", "query": "jobs_running"}]}
FREEZE = {"name": "release", "cron": "0 0 * * *", "duration": "1h", "freeze": "both"}
FROZEN = {"schedules": [FREEZE]}
WATCHING = {"release": {"checks": [{"name": "errors", "query": "errors", "max": 1}]}}
WATCHED = Healing(releases=Releases(watch=Watch(release="", since=NOW)))

HOLDING = (
    Situation("scalable", service={"mode": Mode.REPLICATED_JOB}),
    Situation("unsettled", seen={"unsettled": "whether it was scaled to 7 is not known"}),
    Situation("rollout", service={"rollout": Rollout.UPDATING}),
    Situation("release_watch", "down", policy=WATCHING, memory={"healing": WATCHED}),
    Situation("missing_data", "down", samples={"other": unknown()}),
    Situation("partial_data", "down", samples={"third": partial(0.0)}),
    Situation("coverage", "down", seen={"coverage": {"load": value(0.5)}}),
    Situation("busy", "down", scale=JOBS, seen={"holds": {"jobs": value(2.0)}}),
    Situation("recovery", "down", memory={"missing_since": NOW - 60.0}),
    Situation(
        "unclear_change",
        seen={"stack_updates": (NOW - 1.0, NOW - 900.0)},
        memory={"changed": Changed(at=NOW - 1.0, replicas=4, updated_at=NOW - 1.0)},
    ),
    Situation("manual_change", memory={"disturbed_at": NOW - 10.0}),
    Situation("freeze", scale=FROZEN, seen={"windows": ("release",)}),
    Situation(
        "cooldown",
        scale={"cooldown": {"up": "1m", "down": "1m"}},
        memory={"scaled": (Scaled(at=NOW - 30.0, change=1),)},
    ),
    Situation(
        "stabilization",
        pace={"stabilization": "5m"},
        memory={"recommendations": (Run(replicas=CURRENT, since=NOW - 60, until=NOW - 60),)},
    ),
    Situation("rate_limit", pace={"select": "disabled"}),
    Situation("bounds", scale={"min": CURRENT, "max": CURRENT}),
    Situation(
        "pending_tasks",
        "up",
        seen={"tasks": (a_task(1, TaskState.PENDING, error="no suitable node"),)},
    ),
    Situation("room", "up", seen={"room": Room(more=0, reason="memory")}),
    Situation("fleet_brake", "down", seen={"fleet": FleetFacts(removable=0)}),
    Situation("fleet_ceiling", "up", seen={"fleet": FleetFacts(addable=0)}),
    Situation("dry_run", policy={"mode": "dry-run"}),
)

PASSING = (
    Situation("scalable"),
    Situation("switched_off", scale={"min": 0}),
    Situation("busy", "down", scale=JOBS, seen={"holds": {"jobs": value(0.0)}}),
    Situation("busy", "up", scale=JOBS, seen={"holds": {"jobs": unknown()}}),
    Situation("freeze", scale=FROZEN),
    Situation(
        "cooldown",
        scale={"cooldown": {"up": "20s", "down": "20s"}},
        memory={"scaled": (Scaled(at=NOW - 30.0, change=-1),)},
    ),
    *(
        Situation("rollout", service={"rollout": rollout})
        for rollout in (Rollout.NONE, Rollout.COMPLETED, Rollout.ROLLBACK_COMPLETED)
    ),
    Situation("missing_data", "up", samples={"other": unknown()}),
    Situation("partial_data", "up", samples={"load": partial(800.0)}),
    Situation("coverage", "up", seen={"coverage": {"load": value(0.5)}}),
    Situation("coverage", seen={"coverage": {"load": value(0.9)}}),
    Situation("recovery", "up", memory={"missing_since": NOW - 60.0}),
    Situation("recovery", "down", memory={"missing_since": NOW - 60.0, "good": 2}),
    Situation("manual_change", memory={"disturbed_at": NOW - 300.0}),
    Situation("stabilization", pace={"stabilization": "5m"}),
    Situation("rate_limit", pace={"policies": [{"replicas": 3, "period": "1m"}]}),
    Situation("bounds", scale={"min": 2, "max": 8}),
    Situation("pending_tasks", "up", seen={"tasks": (a_task(1, TaskState.PENDING),)}),
    Situation("pending_tasks", "up", seen={"tasks": (a_task(1, error="it failed once"),)}),
    Situation("pending_tasks", "up", seen={"tasks": None}),
    Situation("room", "up", seen={"room": Room(more=3)}),
    Situation("room", "up", seen={"room": Room(more=None)}),
    Situation("room", "down", seen={"room": Room(more=0)}),
    Situation("fleet_brake", "down", seen={"fleet": FleetFacts(removable=3)}),
    Situation("fleet_brake", "up", seen={"fleet": FleetFacts(removable=0)}),
    Situation("fleet_ceiling", "up", seen={"fleet": FleetFacts(addable=3)}),
    Situation("fleet_ceiling", "down", seen={"fleet": FleetFacts(addable=0)}),
    Situation("dry_run", policy={"mode": "active"}),
)


def named(situation: Situation) -> str:
    return situation.guard


def test_the_guards_stand_in_this_order() -> None:
    names = [guard.__name__ for guard in GUARDS]
    held = [situation.guard for situation in HOLDING]
    assert names == [held[0], "switched_off", *held[1:]]


@pytest.mark.parametrize("situation", HOLDING, ids=named)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_guard_that_holds_keeps_the_service_as_it_is(
    direction: str, situation: Situation
) -> None:
    decision = judged(direction, situation)
    if direction in situation.directions:
        assert (decision.action, decision.held_by) == (None, situation.guard)
        assert f"{situation.guard}: " in decision.reason
    else:
        assert decision.action is not None


@pytest.mark.parametrize("situation", PASSING, ids=named)
def test_a_guard_with_nothing_against_it_lets_the_service_change(situation: Situation) -> None:
    for direction, replicas in (("up", 8), ("down", 2)):
        decision = judged(direction, situation)
        if direction in situation.directions:
            assert decision.action is not None
            assert (decision.action.replicas, decision.verdicts) == (replicas, ())


PAIRS = tuple(combinations(HOLDING, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=named)
def test_of_two_guards_that_hold_the_first_one_speaks(first: Situation, second: Situation) -> None:
    both = set(first.directions.split()) & set(second.directions.split())
    for direction in both:
        # The first one's own facts win, so that it is sure to hold.
        decision = judged(direction, second.and_(first))
        assert decision.held_by == first.guard
        assert [verdict.guard for verdict in decision.verdicts] == [first.guard]


@pytest.mark.parametrize(
    "rollout",
    [Rollout.UPDATING, Rollout.PAUSED, Rollout.ROLLBACK_STARTED, Rollout.ROLLBACK_PAUSED],
)
@pytest.mark.parametrize("replicas", [2, 30])
def test_no_rollout_is_ever_disturbed_not_even_to_keep_the_bounds(
    rollout: Rollout, replicas: int
) -> None:
    service = a_service(replicas, rollout=rollout, rollout_message="task 3 failed")
    policy = a_policy(min=5, metrics=[])
    _, decision = decide(policy, observe(service), a_memory(replicas))
    assert (decision.action, decision.held_by) == (None, "rollout")
    assert f"{rollout}: task 3 failed" in decision.reason


# what a guard allows in part


@pytest.mark.parametrize(
    ("guard", "situation", "direction", "allowed"),
    [
        ("rate_limit", {"pace": {"policies": [{"replicas": 2, "period": "1m"}]}}, "up", 7),
        ("rate_limit", {"pace": {"policies": [{"replicas": 2, "period": "1m"}]}}, "down", 3),
        ("bounds", {"scale": {"max": 6}}, "up", 6),
        ("bounds", {"scale": {"min": 4}}, "down", 4),
        ("room", {"seen": {"room": Room(more=1, reason="memory")}}, "up", 6),
        ("fleet_ceiling", {"seen": {"fleet": FleetFacts(addable=2)}}, "up", 7),
        ("fleet_brake", {"seen": {"fleet": FleetFacts(removable=2)}}, "down", 3),
    ],
)
def test_a_limit_allows_a_part_of_the_way(
    guard: str, situation: dict[str, Any], direction: str, allowed: int
) -> None:
    decision = judged(direction, Situation(**situation))
    assert decision.action is not None
    assert decision.action.replicas == allowed
    assert [verdict.guard for verdict in decision.verdicts] == [guard]
    assert decision.held_by is None


def test_several_limits_each_take_their_part() -> None:
    situation = Situation(
        scale={"max": 7},
        seen={"room": Room(more=1)},
        pace={"policies": [{"percent": 50, "period": "1m"}], "stabilization": "5m"},
        memory={
            "recommendations": (Run(replicas=9, since=NOW, until=NOW),),
            "scaled": (Scaled(at=NOW - 90, change=3),),
        },
        samples={"load": value(5000.0)},
    )
    decision = judged("up", situation)
    assert [(v.guard, v.replicas) for v in decision.verdicts] == [
        ("stabilization", 9),
        ("rate_limit", 8),
        ("bounds", 7),
        ("room", 6),
    ]
    assert decision.action is not None
    assert decision.action.replicas == 6


@pytest.mark.parametrize("left", [FleetFacts(removable=-3), FleetFacts(addable=-3)])
def test_a_brake_that_is_overdrawn_holds_and_does_not_reverse(left: FleetFacts) -> None:
    direction = "up" if left.removable is None else "down"
    assert judged(direction, Situation(seen={"fleet": left})).action is None
    assert judged("up", Situation(seen={"room": Room(more=-2)})).action is None


# coverage


@pytest.mark.parametrize(
    "share",
    [
        None,
        unknown(Quality.STALE),
        unknown(Quality.ERROR, "refused"),
        partial(1.0),
        value(float("nan")),
        value(float("inf")),
        Sample(quality=Quality.VALUE),
        Sample(quality=Quality.STALE, value=1.0),
        value(0.0),
        value(0.8999),
    ],
)
def test_coverage_that_is_not_known_to_suffice_holds(share: Sample | None) -> None:
    coverage = {} if share is None else {"load": share}
    decision = judged("down", Situation(seen={"coverage": coverage}))
    assert decision.held_by == "coverage"


def test_coverage_of_metrics_without_such_a_query_is_not_asked_for() -> None:
    decision = judged("down", Situation(seen={"coverage": {"load": value(1), "other": value(0)}}))
    assert decision.action is not None


# zero replicas


@pytest.mark.parametrize(
    ("low", "zeroed", "held_by", "replicas"),
    [
        (1, False, "switched_off", None),
        (1, True, None, 1),
        (0, False, "switched_off", None),
        (0, True, None, 4),
    ],
)
def test_zero_is_a_persons_switch_unless_we_set_it(
    low: int, zeroed: bool, held_by: str | None, replicas: int | None
) -> None:
    policy = a_policy(min=low, behavior=at_once())
    seen = observe(a_service(0), {"load": value(350.0)})
    _, decision = decide(policy, seen, a_memory(0, zeroed=zeroed))
    assert decision.held_by == held_by
    assert (decision.action.replicas if decision.action else None) == replicas
