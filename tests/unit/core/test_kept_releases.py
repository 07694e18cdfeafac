"""Which releases are good, and are kept to go back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.decide import decide, releases
from autoscaler.model import (
    Failed,
    Releases,
    Revision,
    Rollout,
    TaskState,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_metric,
    a_policy,
    a_service,
    a_task,
    at_once,
    some_tasks,
    value,
)
from tests.unit.core.bad_release import BAD, CAME, KEPT, STUCK, bakes, done, knows, seen, step

RUNS = a_service(4, template="new", rollout=Rollout.COMPLETED)
NEW = Releases(current="new", since=NOW - 400.0, before="good")


def test_a_release_has_proved_itself_after_its_bake_time_in_health() -> None:
    policy = a_healer(STUCK, release={"bake": "5m"})
    first = bakes(NEW, RUNS, policy)
    assert (first.well_since, first.proved) == (NOW, False)
    assert not bakes(first, RUNS, policy, now=NOW + 299).proved
    assert bakes(first, RUNS, policy, now=NOW + 300).proved


@pytest.mark.parametrize(
    ("proved", "kept", "keeps"),
    [
        (True, (), True),
        (False, (), False),
        (True, (Revision(release="new", at=NEW.since),), False),
        (True, (Revision(release="new", at=NEW.since - 1),), True),
        (True, (Revision(release="good", at=NOW),), True),
    ],
    ids=["proved", "not proved", "kept already", "kept when it was here before", "another"],
)
def test_a_template_is_kept_once_its_release_has_proved_itself(
    proved: bool, kept: tuple[Revision, ...], keeps: bool
) -> None:
    known = replace(NEW, proved=proved)
    assert releases.to_keep(known, a_healer(STUCK), kept) is keeps
    no_way_back = a_healer({"rule": "exhausted", "then": "restart"})
    assert not releases.to_keep(known, no_way_back, kept)


def test_what_happens_meanwhile_begins_the_bake_time_anew() -> None:
    policy = a_healer(STUCK, release={"bake": "5m"})
    well = replace(NEW, well_since=NOW - 290.0)
    ended = a_task(9, state=TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 100.0)
    failing = bakes(well, RUNS, policy, tasks=(*some_tasks(4), ended))
    assert (failing.well_since, failing.proved) == (NOW - 100.0, False)
    fewer = bakes(well, RUNS, policy, tasks=some_tasks(2))
    assert fewer.well_since is None
    rolling = bakes(well, replace(RUNS, rollout=Rollout.UPDATING), policy)
    assert rolling.well_since is None


def test_a_service_that_does_not_run_proves_nothing() -> None:
    policy = a_healer(STUCK, release={"bake": "5m"})
    well = replace(NEW, well_since=NOW - 900.0)
    assert not bakes(well, a_service(0, template="new"), policy, tasks=()).proved
    unknown = step(policy, replace(seen(RUNS), tasks=None), knows(well))[0].healing.releases
    assert unknown == well


def test_a_release_that_was_rolled_back_never_proves_itself() -> None:
    policy = a_healer(STUCK, release={"bake": "5m"})
    known = replace(NEW, well_since=NOW - 900.0, failed=(Failed(release="new", at=1.0),))
    assert not bakes(known, RUNS, policy).proved


def test_one_that_only_swarm_rolled_back_may_be_taken_back_once() -> None:
    known = replace(CAME, failed=(Failed(release="bad", at=NOW - 500.0),))
    assert step(a_healer(STUCK), seen(), knows(known))[1].action is not None


def test_what_swarm_rolls_back_has_failed_and_what_was_good_has_not() -> None:
    back = replace(BAD, template="good", rollout=Rollout.ROLLBACK_COMPLETED)
    policy = a_healer(STUCK)
    known = bakes(CAME, back, policy)
    assert (known.current, known.failure("bad") is not None) == ("good", True)
    by_hand = replace(BAD, template="bad", rollout=Rollout.ROLLBACK_STARTED)
    toggled = bakes(replace(CAME, current="good", before="bad"), by_hand, policy)
    assert (toggled.current, toggled.failed) == ("bad", ())


def test_one_that_we_took_back_stays_so_when_swarm_takes_it_back_too() -> None:
    memory = done(*step(a_healer(STUCK), seen()))
    by_swarm = replace(BAD, template="good", rollout=Rollout.ROLLBACK_COMPLETED)
    for service, later in ((BAD, 900), (by_swarm, 910)):
        memory, _ = decide(a_healer(STUCK), seen(service, now=NOW + later), memory)
    _, decision = decide(a_healer(STUCK), seen(now=NOW + 1800), memory)
    assert decision.held_by == "rolled_back_once"


def test_a_change_whose_outcome_is_open_is_not_judged() -> None:
    changed = replace(BAD, template="good")
    assert bakes(CAME, changed, a_healer(STUCK), unsettled="not known") == CAME


def test_the_first_release_that_is_seen_is_no_new_one() -> None:
    known = bakes(Releases(), BAD, a_healer(STUCK))
    assert (known.current, known.since, known.watch) == ("bad", NOW, None)


def test_a_load_peak_is_met_during_an_update_only_where_a_way_back_is_kept() -> None:
    peak = {"load": value(900.0)}
    updating = a_service(4, template="bad", rollout=Rollout.UPDATING)
    for during, kept, state, acts in (
        ("up", KEPT, Rollout.UPDATING, True),
        ("hold", KEPT, Rollout.UPDATING, False),
        ("up", (), Rollout.UPDATING, False),
        ("up", KEPT, Rollout.PAUSED, False),
        ("up", KEPT, Rollout.ROLLBACK_STARTED, False),
    ):
        policy = a_policy(
            metrics=[a_metric("load")],
            behavior=at_once(),
            policy={"release": {"during_update": during}},
        )
        observation = seen(replace(updating, rollout=state), revisions=kept)
        _, decision = step(policy, replace(observation, samples=peak))
        assert (decision.action is not None) is acts, (during, state)
        if decision.action is not None:
            assert decision.action.over is Rollout.UPDATING
    shrinks = replace(seen(updating), samples={"load": value(100.0)})
    assert step(policy, shrinks)[1].held_by == "rollout"
