"""The watch over a new release: what it waits for, what it counts, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import (
    Act,
    Phase,
    Rollout,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import (
    a_metric,
    at_once,
    unknown,
    value,
)
from tests.unit.core.watched import BROKEN, ERRORS, FINE, RELEASE, SLOWER, World, release


def test_a_new_release_rolls_out_warms_up_is_watched_and_passes() -> None:
    world = World()
    world.deploy(rollout=Rollout.UPDATING)
    assert world.passes(10, errors=BROKEN).watch is not None
    assert world.phase() is Phase.ROLLOUT
    world.write(rollout=Rollout.COMPLETED)
    world.passes(1, errors=BROKEN)
    assert world.phase() is Phase.WARM_UP
    world.passes(3, errors=BROKEN)
    assert (world.phase(), world.watch.tallies) == (Phase.WARM_UP, {})
    world.passes(1, errors=FINE)
    assert world.phase() is Phase.WATCHED
    world.passes(19, errors=FINE)
    assert world.phase() is Phase.WATCHED
    world.passes(1, errors=FINE)
    assert (world.phase(), world.watch.reason) == (Phase.PASSED, "1 checks passed")
    assert world.watch.tallies["errors"].passes == 11
    assert (world.acts, world.tells) == ([], [])


def test_a_rollout_that_has_not_begun_yet_is_waited_for() -> None:
    world = World()
    world.deploy()
    world.passes(1, after=0.1)
    world.passes(2, after=2.0)
    assert world.phase() is Phase.ROLLOUT
    world.passes(1, after=2.0)
    assert world.phase() is Phase.WARM_UP


@pytest.mark.parametrize("change", [{"replicas": 7}, {"labels": {"a": "b"}}, {"forced": 3}])
def test_what_is_no_new_template_is_not_watched(change: dict[str, Any]) -> None:
    world = World()
    world.write(**change)
    world.passes(5, errors=BROKEN)
    assert world.memory.healing.releases.watch is None


def test_the_release_that_is_there_at_first_is_not_watched() -> None:
    world = World()
    world.passes(5, errors=BROKEN)
    assert (world.memory.healing.releases.watch, world.acts) == (None, [])


def test_one_failure_more_than_its_limit_takes_the_release_back() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    world.passes(4, errors=BROKEN)
    assert (world.acts, world.watch.tallies["errors"].failures) == ([], 2)
    world.passes(2, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.service.template == "r1"
    (told,) = world.tells
    assert told == "release r2 has failed: errors failed 3 times: 0.5 is above 0.05"
    reason = next(each for each in world.decisions if each.action).reason
    assert "release: release r2 has failed: errors failed 3 times" in reason


def test_failures_add_up_also_between_passes() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    for _ in range(3):
        world.passes(2, errors=BROKEN)
        world.passes(2, errors=FINE)
    assert world.acts == [Act.ROLLBACK]


def test_where_only_a_notice_is_asked_for_it_is_told_once_and_nothing_is_done() -> None:
    world = World(release(on_failure="notify"))
    world.deploy()
    world.passes(30, errors=BROKEN)
    assert (world.acts, world.phase()) == ([], Phase.FAILED)
    (told,) = world.tells
    assert told.startswith("release: release r2 has failed: errors failed 3 times")


def test_a_release_whose_watch_was_inconclusive_is_good_after_its_bake_time() -> None:
    world = World(release(bake="20m"))
    world.deploy()
    world.passes(50, errors=unknown())
    assert (world.phase(), world.proved) == (Phase.INCONCLUSIVE, False)
    world.passes(29)
    assert not world.proved
    world.passes(2)
    assert world.proved


def test_a_release_that_fell_ill_while_nobody_could_tell_must_stay_well_again_to_be_good() -> None:
    world = World()
    world.deploy()
    world.passes(43, errors=unknown())
    assert (world.phase(), world.proved) == (Phase.WATCHED, False)
    world.healthy = 1
    world.passes(4, errors=unknown())
    world.healthy = 4
    world.passes(8)
    assert (world.phase(), world.proved) == (Phase.INCONCLUSIVE, False)
    world.passes(1)
    assert world.proved


def test_a_new_deploy_restarts_the_watch_and_compares_with_what_was_before_both() -> None:
    world = World(release(checks=[SLOWER]))
    world.passes(60, slower=value(0.2))
    world.deploy("r2")
    world.passes(8, slower=value(0.9))
    world.deploy("r3")
    world.passes(1, slower=value(0.9))
    assert (world.watch.release, world.phase()) == ("r3", Phase.ROLLOUT)
    assert (world.watch.tallies, world.watch.baseline) == ({}, {"slower": 0.2})


def test_a_release_that_was_taken_back_is_not_watched_again() -> None:
    world = World()
    world.deploy()
    world.passes(30, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.memory.healing.releases.watch is None
    world.passes(60, errors=FINE)
    world.deploy()
    world.passes(60, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.memory.healing.releases.watch is None


def test_what_swarm_rolls_back_itself_is_recorded_and_left_to_it() -> None:
    world = World()
    world.deploy(rollout=Rollout.UPDATING)
    world.passes(2, errors=BROKEN)
    world.write(template="r1", rollout=Rollout.ROLLBACK_STARTED, rollout_message="rolled back")
    world.passes(10, errors=BROKEN)
    world.write(rollout=Rollout.ROLLBACK_COMPLETED)
    world.passes(30, errors=BROKEN)
    known = world.memory.healing.releases
    assert (world.acts, known.watch) == ([], None)
    failed = known.failure("r2")
    assert failed is not None
    assert (failed.reason, failed.ours) == ("rolled back", False)


def test_a_rollout_that_pauses_speaks_against_its_release() -> None:
    world = World()
    world.deploy(rollout=Rollout.PAUSED, rollout_message="update paused")
    world.passes(1)
    assert world.acts == [Act.ROLLBACK]
    assert "its rollout is paused: update paused" in world.tells[0]


def test_nothing_shrinks_while_a_release_is_watched_and_growing_goes_on() -> None:
    scale = {"max": 9, "metrics": [a_metric("load")], "behavior": at_once()}
    world = World(scale=scale)
    world.samples = {"load": value(400.0)}
    world.passes(3)
    world.deploy()
    world.samples = {"load": value(100.0)}
    decision = world.passes(8, errors=FINE)
    assert (decision.held_by, world.service.replicas) == ("release_watch", 4)
    world.samples = {"load": value(600.0)}
    world.passes(1, errors=FINE)
    assert world.service.replicas == 6
    world.samples = {"load": value(100.0)}
    world.passes(40, errors=FINE)
    assert world.phase() is Phase.PASSED
    assert world.service.replicas == 1


def test_a_release_under_watch_is_not_good_yet_and_one_that_passed_is() -> None:
    world = World()
    world.deploy()
    world.passes(20, errors=FINE)
    assert not world.memory.healing.releases.proved
    world.passes(10, errors=FINE)
    assert world.memory.healing.releases.proved


def test_a_policy_that_asks_for_nothing_any_more_ends_the_watch() -> None:
    world = World()
    world.deploy()
    world.passes(5, errors=FINE)
    world.policy = World(release(checks=[])).policy
    world.passes(1)
    assert world.memory.healing.releases.watch is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"checks": [{"name": "a", "query": "x"}]}, "state a limit"),
        ({"checks": [ERRORS, ERRORS]}, "two checks are named 'errors'"),
        ({"checks": [{**ERRORS, "name": "traffic"}]}, "no check can be named"),
        ({"checks": [{**ERRORS, "source": "nowhere"}]}, "nowhere"),
        ({"checks": [{**ERRORS, "maximum": 1}]}, "maximum"),
        ({"on_failure": "explode"}, "rollback"),
        ({"watch": "0s"}, "watch"),
    ],
)
def test_mistakes_are_told_when_the_policy_is_loaded(wrong: dict[str, Any], words: str) -> None:
    document = {"name": "p", "services": ["web"], "release": {**RELEASE, **wrong}}
    with pytest.raises(ValidationError, match=words):
        parse_policy(document)
