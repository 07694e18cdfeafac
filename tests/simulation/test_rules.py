"""Each rule finds what it forbids, and lets pass what it allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoscaler.testing.virtual_time import in_virtual_time
from tests.simulation.answers import Answers, Told
from tests.simulation.plan import Plan
from tests.simulation.rules import RULES, Rule, Seen, kind_of, same
from tests.simulation.swarm import Document, Write
from tests.simulation.test_invariants_bite import a_workload
from tests.simulation.world import START, World

NOW = START + 1000.0
RELEASE = {"ContainerSpec": {"Image": "shop:good"}, "ForceUpdate": 3}
OTHER = {"ContainerSpec": {"Image": "shop:bad"}, "ForceUpdate": 3}


def a_spec(replicas: int = 4, template: Document = RELEASE, **more: Any) -> Document:
    return {
        "Name": "web0",
        "Mode": {"Replicated": {"Replicas": replicas}},
        "TaskTemplate": template,
        **more,
    }


def a_write(after: Document, before: Document | None = None, **changes: Any) -> Write:
    write = Write(
        at=NOW,
        service="web0",
        service_id="web0-id",
        before=before or a_spec(),
        after=after,
        rollout="completed",
        version=7,
        running=4,
    )
    return replace(write, **changes)


SCALE = a_write(a_spec(3))
RESTART = a_write(a_spec(template={**RELEASE, "ForceUpdate": 4}))
RESTORE = a_write(a_spec(template=RELEASE), a_spec(template=OTHER))


def an_intent(kind: str, replicas: int = 4, rule: str = "", at: float = NOW) -> dict[str, Any]:
    action = {"service_id": "web0-id", "kind": kind, "replicas": replicas, "rule": rule}
    return {"at": at, "action": action}


def told(value: float | None, before: float, **changes: Any) -> Told:
    """An answer so many seconds before the write."""
    answer = Told(NOW - before, value, NOW - before - 1, life=1, faults=frozenset())
    return replace(answer, **changes)


Scene = Callable[[Seen], None]


def nothing(seen: Seen) -> None:
    """The world as it is: 250 requests per second, and one intent."""


def answered(*answers: Told) -> Scene:
    def scene(seen: Seen) -> None:
        seen.answers.told["web0"] = list(answers)

    return scene


def meant(*intents: dict[str, Any]) -> Scene:
    return lambda seen: setattr(seen, "intents", list(intents))


def scaled(before: float) -> Scene:
    def scene(seen: Seen) -> None:
        seen.scaled["web0-id"] = replace(SCALE, at=NOW - before), START

    return scene


def paused(until: float) -> Scene:
    def scene(seen: Seen) -> None:
        seen.world.pauses["web0"] = NOW - 60, NOW + until

    return scene


def healed(before: float) -> Scene:
    return lambda seen: setattr(seen, "healed_at", NOW - before)


def removed(*before: float) -> Scene:
    def scene(seen: Seen) -> None:
        seen.removed = [(NOW - each, 3, seen.world.clock.jumps) for each in before]

    return scene


def taken_back(seen: Seen) -> None:
    seen.restored["web0-id"].add(same(OTHER))


def unknown(seen: Seen) -> None:
    seen.world.swarm.releases.clear()


def cured(times: int) -> Scene:
    def scene(seen: Seen) -> None:
        seen.intents = [an_intent("restart", rule="alert")]
        seen.world.alerts["web0"] = [NOW - 100]
        seen.cured["web0-id"] = times

    return scene


CASES: dict[str, tuple[Write, Scene, Write, Scene]] = {
    "only_what_is_meant": (SCALE, nothing, a_write(a_spec(Labels={"a": "b"})), nothing),
    "within_bounds": (SCALE, nothing, a_write(a_spec(1)), nothing),
    "not_in_a_rollout": (
        replace(RESTORE, rollout="paused"),
        nothing,
        replace(SCALE, rollout="updating"),
        nothing,
    ),
    "intent_before_act": (SCALE, meant(an_intent("scale", 3)), SCALE, meant(an_intent("scale", 2))),
    "one_at_a_time": (
        SCALE,
        meant(an_intent("scale", 3)),
        SCALE,
        meant(an_intent("scale", 3), an_intent("restart")),
    ),
    "cooldowns": (SCALE, scaled(130.0), SCALE, scaled(110.0)),
    "brake": (SCALE, removed(310.0, 290.0, 20.0, 10.0), SCALE, removed(290.0, 20.0, 15.0, 10.0)),
    "good_data": (SCALE, nothing, SCALE, answered(told(250.0, 20.0), told(None, 5.0))),
    "recovery": (
        SCALE,
        answered(told(None, 50.0), told(250.0, 40.0), told(250.0, 25.0), told(250.0, 10.0)),
        SCALE,
        answered(told(None, 50.0), told(250.0, 25.0), told(250.0, 10.0)),
    ),
    "stabilization": (
        SCALE,
        answered(told(400.0, 50.0), told(250.0, 5.0)),
        SCALE,
        answered(told(400.0, 40.0), told(250.0, 5.0)),
    ),
    "pauses": (SCALE, paused(-1.0), SCALE, paused(1.0)),
    "heal_budget": (RESTART, healed(11.0), RESTART, healed(9.0)),
    "min_available": (RESTART, nothing, replace(RESTART, running=3), nothing),
    "known_release": (RESTORE, nothing, RESTORE, taken_back),
    "alert_once": (RESTART, cured(0), RESTART, cured(1)),
}


def test_each_rule_has_its_case() -> None:
    assert [rule.__name__ for rule in RULES] == list(CASES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@in_virtual_time
async def test_a_rule_lets_pass_what_is_allowed_and_finds_what_is_not(
    rule: Rule, tmp_path: Path
) -> None:
    good, allowed, bad, forbidden = CASES[rule.__name__]
    assert rule(seen(tmp_path, allowed), good, kind_of(good)) == ""
    assert rule(seen(tmp_path, forbidden), bad, kind_of(bad)) != ""


@in_virtual_time
async def test_a_question_between_two_passes_that_fails_is_no_gap_in_the_data(
    tmp_path: Path,
) -> None:
    rule = next(each for each in RULES if each.__name__ == "recovery")

    def told_around(gone: Told, since: float) -> str:
        return rule(
            seen(tmp_path, answered(told(250.0, since), gone, told(250.0, 10.0))), SCALE, "scale"
        )

    failed, empty = told(None, 15.0, failed=True), told(None, 15.0)
    assert told_around(failed, since=20.0) == ""
    assert told_around(empty, since=20.0) != ""
    assert told_around(failed, since=30.0) != ""


@in_virtual_time
async def test_a_template_that_the_service_never_had_is_found(tmp_path: Path) -> None:
    rule = next(each for each in RULES if each.__name__ == "known_release")
    assert rule(seen(tmp_path, unknown), RESTORE, "restore") == "it never had this template"


def seen(directory: Path, scene: Scene) -> Seen:
    workload = a_workload(min_available=3, stabilization=60.0)
    world = World(Plan(1, 15.0, 3600.0, 1, (workload,)), directory)
    world.product.lives = 1
    world.swarm.releases["web0-id"] = {same(RELEASE), same(OTHER)}
    known = Seen(world, Answers(world), intents=[an_intent("scale", 3)])
    known.answers.told["web0"] = [told(250.0, 5.0)]
    scene(known)
    return known
