"""What ends a sickness, and what its memory is worth when somebody else steps in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import (
    Act,
    Attempt,
    Healing,
    Health,
    Quarantine,
    Rollout,
    Task,
    TaskState,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_memory,
    a_service,
    a_task,
    observe,
    some_tasks,
)

POLICY = a_healer({"rule": "exhausted", "then": "restart", "for": "1h"})
SERVICE = a_service(3, max_attempts=1, template="r1")
DEAD = a_task(1, TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 30.0, exit_code=1)
SICK, WELL = (DEAD, a_task(2), a_task(3)), some_tasks(3)
TRIED = Attempt(at=NOW - 900.0, act=Act.RESTART, rule="exhausted", release="r1")


def passed(healing: Healing, tasks: tuple[Task, ...] | None = WELL, **more: Any) -> Healing:
    """What is known after one pass."""
    service = more.pop("service", SERVICE)
    seen = observe(service, tasks=tasks, **more)
    return decide(POLICY, seen, a_memory(3, healing=healing))[0].healing


def test_a_release_that_is_seen_for_the_first_time_is_no_new_one() -> None:
    found = passed(Healing(attempts=(TRIED,)))
    assert (found.release, found.released_at, found.counted_from) == ("r1", 0.0, 0.0)


def test_another_release_makes_a_new_beginning() -> None:
    held = Quarantine(at=NOW - 60, reason="given up", release="r0")
    before = Healing(
        release="r0",
        attempts=(TRIED,),
        quarantine=held,
        since={"exhausted": NOW - 600},
        well_since=NOW - 60,
    )
    found = passed(before)
    assert (found.release, found.released_at, found.counted_from) == ("r1", NOW, NOW)
    assert (found.quarantine, found.since, found.well_since) == (None, {}, NOW)
    assert passed(before, unsettled="it timed out").quarantine == held


def test_a_person_who_ends_a_quarantine_starts_all_times_anew() -> None:
    held = Quarantine(at=NOW - 60, reason="given up", release="r1")
    before = Healing(
        release="r1", attempts=(TRIED,), quarantine=held, since={"exhausted": NOW - 7200}
    )
    found = passed(before, SICK, released_at=NOW - 1)
    assert (found.quarantine, found.counted_from) == (None, NOW)
    assert found.since == {"exhausted": NOW}


def test_whoever_falls_ill_again_is_well_from_the_beginning_later() -> None:
    before = Healing(release="r1", attempts=(TRIED,), well_since=NOW - 60)
    assert passed(before, SICK).well_since is None
    again = passed(replace(before, well_since=None), WELL)
    assert again.well_since == NOW
    assert passed(again, WELL, now=NOW + 60).well_since == NOW


def test_tasks_that_were_not_listed_leave_everything_as_it_was_known() -> None:
    before = Healing(release="r1", since={"exhausted": NOW - 60}, ailing=True, rules={"x": 1})
    found = passed(before, None)
    assert (found.since, found.ailing, found.rules) == (before.since, True, {"x": 1})


@pytest.mark.parametrize("rollout", [Rollout.NONE, Rollout.UPDATING])
def test_of_a_rollout_nobody_says_that_it_is_well(rollout: Rollout) -> None:
    seen = observe(replace(SERVICE, rollout=rollout), tasks=WELL)
    _, decision = decide(POLICY, seen, a_memory(3))
    assert decision.health is not None
    assert (decision.health.state is Health.HEALTHY) is (rollout is Rollout.NONE)
