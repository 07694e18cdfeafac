"""What the answers to a watch's checks say of a release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide import decide, watching
from autoscaler.model import (
    Act,
    Phase,
    Quality,
    Rollout,
    Sample,
)
from autoscaler.testing.builders import (
    observe,
    partial,
    some_tasks,
    unknown,
    value,
)
from tests.unit.core.watched import BROKEN, ERRORS, FINE, KEPT, SLOWER, World, release


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (unknown(Quality.ERROR, "connection refused"), "error: error: connection refused"),
        (unknown(Quality.MANY, "2 series"), "error: many series: 2 series"),
        (unknown(), "inconclusive: no data"),
        (unknown(Quality.STALE), "inconclusive: stale"),
        (unknown(Quality.NAN), "inconclusive: not a number"),
        (unknown(Quality.INFINITE), "inconclusive: infinite"),
        (partial(0.9), "inconclusive: partial: a store did not answer"),
        (value(float("nan")), "inconclusive: its value is not a finite number"),
    ],
)
def test_what_says_nothing_never_takes_a_release_back(sample: Sample, told: str) -> None:
    world = World()
    world.deploy()
    world.passes(100, errors=sample)
    assert (world.acts, world.phase()) == ([], Phase.INCONCLUSIVE)
    assert world.watch.tallies["errors"].last == told
    assert world.tells[-1] == f"release r2 is inconclusive: nobody can tell: errors: {told}"


def test_errors_in_a_row_are_told_once_and_hold() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    world.passes(9, errors=unknown(Quality.ERROR, "down"))
    assert world.tells == []
    world.passes(2, errors=unknown(Quality.ERROR, "down"))
    assert world.tells == ["check errors of release r2: error: error: down; nothing is done for it"]
    world.passes(3, errors=unknown(Quality.ERROR, "down"))
    assert (len(world.tells), world.acts, world.phase()) == (1, [], Phase.WATCHED)


def test_a_watch_that_ends_in_silence_waits_as_long_again_for_an_answer() -> None:
    world = World()
    world.deploy()
    world.passes(15, errors=FINE)
    world.passes(15, errors=unknown(Quality.ERROR, "down"))
    assert world.phase() is Phase.WATCHED
    world.passes(2, errors=FINE)
    assert world.phase() is Phase.PASSED


def test_with_too_little_traffic_nothing_is_said() -> None:
    world = World(release(traffic={"query": "rate", "min": 10}))
    world.deploy()
    world.passes(10, errors=BROKEN, traffic=value(9.0))
    assert world.watch.tallies["errors"].last == "inconclusive: traffic is 9, below 10"
    world.passes(2, errors=BROKEN)
    assert "traffic is not known" in world.watch.tallies["errors"].last
    world.passes(6, errors=BROKEN, traffic=value(10.0))
    assert world.acts == [Act.ROLLBACK]


def test_an_answer_is_compared_with_what_was_usual_before_the_change() -> None:
    world = World(release(checks=[SLOWER]))
    world.passes(60, slower=value(0.2))
    world.deploy()
    world.passes(6, slower=value(0.29))
    assert world.watch.baseline == {"slower": 0.2}
    assert world.watch.tallies["slower"].last == "passes with 0.29"
    world.passes(6, slower=value(0.31))
    assert world.acts == [Act.ROLLBACK]
    assert "0.31 is 55 % above 0.2" in world.tells[0]


@pytest.mark.parametrize(("before", "told"), [(None, "is not known"), (value(0.0), "is 0")])
def test_without_anything_to_compare_with_nothing_is_said(before: Sample | None, told: str) -> None:
    world = World(release(checks=[SLOWER]))
    answers: dict[str, Any] = {"slower": before} if before else {}
    world.passes(30, **answers)
    world.deploy()
    world.passes(30, slower=value(99.0))
    assert world.acts == []
    assert world.watch.tallies["slower"].last.endswith(f"before the change {told}")


def test_what_is_usual_is_remembered_once_a_minute_and_is_a_few_points() -> None:
    world = World(release(checks=[SLOWER]))
    changes = 0
    for number in range(200):
        before = world.memory
        world.passes(1, slower=value(float(number)))
        changes += world.memory.healing.releases.usual != before.healing.releases.usual
    points = world.memory.healing.releases.usual["slower"]
    assert len(points) == 10
    assert changes <= 51


def test_answers_from_before_the_end_of_the_rollout_do_not_count() -> None:
    world = World(release(warmup="0s"))
    world.deploy()
    world.passes(1)
    stale = replace(BROKEN, at=world.now)
    for _ in range(45):
        world.now += 15
        seen = observe(
            world.service,
            now=world.now,
            tasks=some_tasks(4),
            checks={"errors": stale},
            revisions=KEPT,
        )
        world.memory, decision = decide(world.policy, seen, world.memory)
        assert decision.action is None
    assert world.phase() is Phase.INCONCLUSIVE


def test_an_answer_that_is_read_twice_counts_once() -> None:
    world = World(release(warmup="0s"))
    world.deploy()
    world.passes(2, errors=FINE)
    measured = replace(BROKEN, at=world.now + 1)
    for _ in range(10):
        world.now += 30
        seen = observe(world.service, now=world.now, tasks=some_tasks(4), revisions=KEPT)
        seen = replace(seen, checks={"errors": measured})
        world.memory, _ = decide(world.policy, seen, world.memory)
    assert world.watch.tallies["errors"].failures == 1


@pytest.mark.parametrize(
    ("limit", "low", "told"),
    [
        ({"min": 5}, 4.0, "4 is below 5"),
        ({"max_decrease": 20}, 7.9, "7.9 is 21 % below 10, which it was before the change"),
    ],
)
def test_too_little_of_what_there_should_be_fails_as_well(
    limit: dict[str, Any], low: float, told: str
) -> None:
    check = {"name": "orders", "query": "orders", "failure_limit": 0, **limit}
    world = World(release(checks=[check]))
    world.passes(60, orders=value(10.0))
    world.deploy()
    world.passes(8, orders=value(8.0))
    assert world.watch.tallies["orders"].failures == 0
    world.passes(1, orders=value(low))
    world.passes(1, orders=value(low))
    assert world.acts == [Act.ROLLBACK]
    assert world.tells == [f"release r2 has failed: orders failed 1 times: {told}"]


def test_only_the_checks_whose_answers_can_be_used_are_asked_for() -> None:
    world = World(release(checks=[ERRORS, SLOWER]))

    def asked(after: float = 0.0) -> list[str]:
        known, rules = world.memory.healing.releases, world.policy.release
        return [c.name for c in watching.asked(known, rules, world.service, world.now + after)]

    assert asked() == ["slower"]
    world.passes(1, slower=value(0.2))
    assert (asked(59.9), asked(60.0)) == ([], ["slower"])
    world.deploy(rollout=Rollout.UPDATING)
    assert asked(60.0) == []
    world.passes(1)
    assert asked() == ["errors", "slower"]
    world.write(rollout=Rollout.COMPLETED)
    world.passes(40, errors=FINE, slower=value(0.2))
    assert (world.phase(), asked(60.0)) == (Phase.PASSED, ["slower"])


ANSWERS = st.one_of(
    st.floats(0, 1).map(value),
    st.sampled_from([None, *(unknown(q) for q in Quality if q not in ("value", "partial"))]),
    st.floats(0, 1).map(partial),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANSWERS, min_size=1, max_size=60), st.integers(0, 3))
def test_a_release_is_taken_back_exactly_when_more_answers_fail_than_may(
    answers: list[Sample | None], limit: int
) -> None:
    world = World(release(checks=[{**ERRORS, "failure_limit": limit}], interval="15s"))
    world.deploy()
    world.passes(5)
    failures = 0
    for answer in answers:
        if not world.phase().open:
            break
        checks: dict[str, Any] = {} if answer is None else {"errors": answer}
        world.passes(1, **checks)
        known = answer is not None and answer.quality is Quality.VALUE
        failures += bool(known and answer is not None and (answer.value or 0.0) > 0.05)
        assert (world.acts == [Act.ROLLBACK]) is (failures > limit)
        if failures > limit:
            break
