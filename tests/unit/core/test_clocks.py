"""A clock was ahead for an hour and was set right: what it left behind holds nothing up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.brake import Brake, BrakeLimits
from autoscaler.decide import decide, recall
from autoscaler.heal_brake import HealBrake
from autoscaler.model import (
    Act,
    Attempt,
    FleetFacts,
    Healing,
    Memory,
    Phase,
    Quarantine,
    Releases,
    Scaled,
    TaskState,
    Watch,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_memory,
    a_service,
    a_task,
    observe,
)

AHEAD = NOW + 3600.0
HEALER = a_healer({"rule": "exhausted", "then": "restart", "cooldown": "1m"})
SERVICE = a_service(2, max_attempts=1, template="r1")
DEAD = a_task(1, TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 30.0, exit_code=1)


def known(**healing: Any) -> Memory:
    return a_memory(2, healing=Healing(release="r1", **healing))


def attempt(at: float) -> Attempt:
    return Attempt(at=at, act=Act.RESTART, rule="exhausted", release="r1")


def sick(now: float, **more: Any) -> Any:
    dead = replace(DEAD, since=now - 30.0)
    return replace(observe(SERVICE, tasks=(dead, a_task(2)), **more), now=now)


def test_a_service_is_healed_again_after_its_pauses() -> None:
    memory, decision = decide(HEALER, sick(NOW), known(attempts=(attempt(AHEAD),)))
    assert decision.action is None
    _, decision = decide(HEALER, sick(NOW + 61.0), memory)
    assert decision.action is not None


def test_a_heal_that_had_proved_itself_does_not_count_again() -> None:
    before = known(attempts=(attempt(AHEAD),) * 3, counted_from=AHEAD + 1.0)
    after, _ = decide(HEALER, sick(NOW), before)
    assert after.healing.run == ()
    assert after.healing.quarantine is None


def test_a_person_may_end_a_quarantine() -> None:
    held = Quarantine(at=AHEAD, reason="three heals did not last", release="r1")
    before = known(quarantine=held)
    memory, _ = decide(HEALER, sick(NOW), before)
    memory, _ = decide(HEALER, sick(NOW + 10.0, released_at=NOW + 5.0), memory)
    assert memory.healing.quarantine is None


@pytest.mark.parametrize("field", ["since", "rolled_out_at", "evaluated_at"])
def test_a_watch_and_what_is_usual_go_on(field: str) -> None:
    late: dict[str, Any] = {field: AHEAD}
    watch = replace(Watch(release="r1", since=NOW, phase=Phase.WATCHED), **late)
    releases = Releases(current="r1", since=AHEAD, watch=watch, usual={"errors": ((AHEAD, 1.0),)})
    memory = recall.awake(known(releases=releases), NOW, NOW)
    after = memory.healing.releases
    assert after.watch is not None
    assert getattr(after.watch, field) == NOW
    assert (after.since, after.usual) == (NOW, {"errors": ((NOW, 1.0),)})


def test_the_fleets_brakes_let_go_after_their_usual_time() -> None:
    brake = Brake(BrakeLimits(period=300.0), [Memory(scaled=(Scaled(at=AHEAD, change=-7),))])
    assert brake.facts(20, NOW).removable == 3
    assert brake.facts(20, NOW + 300.0).removable == 10
    healing = HealBrake({"web-id": known(attempts=(attempt(AHEAD),))})
    due = healing.with_budget(FleetFacts(), NOW).heal_at
    assert due == NOW + 10.0
    assert healing.with_budget(FleetFacts(), NOW + 10.0).heal_at == due
