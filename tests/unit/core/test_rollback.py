"""When a release is taken back, to which one, and when it is left to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import decide, recall
from autoscaler.decide.release_guards import NO_WAY_BACK
from autoscaler.model import (
    Act,
    Attempt,
    Failed,
    Phase,
    Releases,
    Revision,
    Rollout,
    TaskState,
    Watch,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_policy,
    a_service,
    a_task,
    at_once,
    some_tasks,
    value,
)
from tests.unit.core.bad_release import BAD, CAME, KEPT, STUCK, bakes, done, knows, seen, step


def test_a_paused_update_is_resolved_by_going_back_with_the_replicas_there_are() -> None:
    _, decision = step(a_healer(STUCK), seen())
    action = decision.action
    assert action is not None
    assert (action.kind, action.release, action.over) == (Act.ROLLBACK, "good", Rollout.PAUSED)
    assert (action.replicas, action.previous, action.forced) == (4, 4, None)
    assert action.told == "rollback to good"


@pytest.mark.parametrize(
    ("known", "kept", "wanted"),
    [
        (CAME, KEPT, "good"),
        (CAME, KEPT[::-1], "good"),
        (CAME, (*KEPT, Revision(release="bad", at=NOW)), "good"),
        (replace(CAME, unfit=("good",)), KEPT, "old"),
        (replace(CAME, failed=(Failed(release="good", at=1.0),)), KEPT, "old"),
    ],
)
def test_the_newest_good_release_that_is_fit_is_chosen(
    known: Releases, kept: tuple[Revision, ...], wanted: str
) -> None:
    _, decision = step(a_healer(STUCK), seen(revisions=kept), knows(known))
    assert decision.action is not None
    assert decision.action.release == wanted


HOLDS: dict[str, tuple[Releases, dict[str, Any]]] = {
    "rolled_back_once": (
        replace(CAME, failed=(Failed(release="bad", at=NOW - 500.0, ours=True),)),
        {},
    ),
    "brought_back": (replace(CAME, restored=True), {}),
    "old_release": (replace(CAME, since=NOW - 90_000.0), {}),
    "no_revision": (CAME, {"revisions": ()}),
}


def test_every_way_in_which_there_is_no_way_back_is_tested() -> None:
    assert HOLDS.keys() == NO_WAY_BACK


@pytest.mark.parametrize("guard", HOLDS)
def test_without_a_way_back_nothing_is_done_and_somebody_is_told_once(guard: str) -> None:
    known, more = HOLDS[guard]
    memory, decision = step(a_healer(STUCK), seen(**more), knows(known))
    assert (decision.action, decision.held_by) == (None, guard)
    (told,) = decision.tells
    assert told.startswith("stuck_update: the update is paused: task x; ")
    assert decision.verdicts[0].reason in told
    _, again = decide(a_healer(STUCK), seen(now=NOW + 15, **more), memory)
    assert again.tells == ()
    _, later = decide(a_healer(STUCK), seen(now=NOW + 601, **more), memory)
    assert len(later.tells) == 1


def test_without_a_way_back_the_entry_may_name_another_cure() -> None:
    gave_up = {"rule": "exhausted", "grace": "0s", "then": "rollback", "or": "restart"}
    dead = a_task(
        1,
        state=TaskState.FAILED,
        desired=TaskState.SHUTDOWN,
        since=NOW - 10,
        created_at=NOW - 20,
        exit_code=1,
    )
    service = a_service(4, template="bad", max_attempts=1)
    tasks = (dead, *some_tasks(4)[1:])
    healing = knows(replace(CAME, since=0.0))
    _, decision = step(a_healer(gave_up), seen(service, tasks, revisions=()), healing)
    assert decision.action is not None
    assert decision.action.kind is Act.RESTART


def test_a_release_is_not_blamed_for_tasks_of_the_one_before_it() -> None:
    """Somebody deploys what shall mend a service whose slots Swarm has given up."""
    policy = a_healer({"rule": "exhausted", "grace": "0s", "then": "rollback"})
    service = replace(BAD, rollout=Rollout.UPDATING, max_attempts=1)
    dead = a_task(1, TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 90, exit_code=1)
    for made, held in ((NOW - 120.0, "earlier_tasks"), (NOW - 19.0, None)):
        tasks = (replace(dead, created_at=made), *some_tasks(4)[1:])
        _, decision = step(policy, seen(service, tasks))
        assert decision.held_by == held


def test_a_rollout_that_came_and_went_unseen_is_seen_by_the_one_that_follows() -> None:
    """A bad release was taken back by hand before anybody looked; its tasks are not ours."""
    crashed = {"rule": "crash_loop", "failures": 2, "then": "rollback"}
    back = replace(BAD, rollout=Rollout.ROLLBACK_COMPLETED, rollout_started=NOW - 10.0)
    tasks = [
        a_task(n, TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 12, created_at=NOW - 15)
        for n in (7, 8)
    ]
    _, decision = step(a_healer(crashed), seen(back, (*some_tasks(4), *tasks)))
    assert decision.held_by == "earlier_tasks"


def test_a_release_came_when_the_engine_says_so() -> None:
    known = replace(CAME, current="good")
    for service, came in (
        (replace(BAD, rollout_started=NOW - 9.0), NOW - 9.0),
        (replace(BAD, rollout=Rollout.NONE, updated_at=NOW - 7.0), NOW - 7.0),
        (replace(BAD, rollout_started=NOW + 99.0), NOW),
        (replace(BAD, rollout_started=0.0), NOW),
    ):
        assert bakes(known, service, a_healer(STUCK)).tasks_from == came


@pytest.mark.parametrize("state", [Rollout.UPDATING, Rollout.PAUSED, Rollout.ROLLBACK_PAUSED])
def test_a_rollback_may_resolve_a_rollout(state: Rollout) -> None:
    policy = a_healer({**STUCK, "deadline": "1s"})
    healing = knows(rules={"stuck_update": [BAD.rollout_started, 4.0, NOW - 15.0]})
    tasks = some_tasks(4, created_at=NOW - 10)
    _, decision = step(policy, seen(replace(BAD, rollout=state), tasks), healing)
    assert decision.action is not None
    assert decision.action.over is state


def test_while_swarm_rolls_back_itself_we_stand_aside() -> None:
    policy = a_healer({**STUCK, "deadline": "1s"})
    healing = knows(rules={"stuck_update": [BAD.rollout_started, 9.0, NOW - 15.0]})
    service = replace(BAD, rollout=Rollout.ROLLBACK_STARTED)
    _, decision = step(policy, seen(service), healing)
    assert (decision.action, decision.held_by) == (None, "rollout_under_way")


def test_a_restart_still_waits_for_the_rollout() -> None:
    service = replace(BAD, max_attempts=1)
    dead = a_task(
        1, state=TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 60, exit_code=1
    )
    policy = a_healer({"rule": "exhausted", "then": "restart"})
    _, decision = step(policy, seen(service, (dead, *some_tasks(4)[1:])))
    assert decision.held_by == "rollout_under_way"


def test_a_rollback_comes_before_a_restart_and_a_scale() -> None:
    restart = {"rule": "crash_loop", "failures": 2, "then": "restart"}
    policy = a_policy(
        max=9, behavior=at_once(), policy={"heal": [restart, {**restart, **STUCK_CRASH}]}
    )
    crashed = [
        a_task(
            n, state=TaskState.FAILED, desired=TaskState.SHUTDOWN, since=NOW - 5, created_at=NOW - 9
        )
        for n in (7, 8)
    ]
    service = replace(BAD, rollout=Rollout.NONE)
    observation = replace(seen(service, (*some_tasks(4), *crashed)), samples={"load": value(900.0)})
    _, decision = step(policy, observation)
    assert decision.action is not None
    assert decision.action.kind is Act.ROLLBACK
    assert (decision.wanted, [r.act for r in decision.recommendations]) == (
        9,
        [Act.ROLLBACK, Act.RESTART, Act.SCALE],
    )


STUCK_CRASH = {"name": "back", "then": "rollback"}


def test_tasks_that_the_rollout_has_not_touched_count_as_staying() -> None:
    """Three of four still run the good release: going back takes only what is new."""
    policy = a_healer(STUCK, disruption={"min_available": 3})
    new = a_task(4, created_at=NOW - 10)
    assert step(policy, seen(tasks=some_tasks(3)))[1].action is not None
    held = step(policy, seen(tasks=(*some_tasks(2), new)))[1]
    assert held.held_by == "min_available"
    other = knows(replace(CAME, before="something else"))
    assert step(policy, seen(tasks=some_tasks(3)), other)[1].held_by == "min_available"


def test_where_tasks_are_not_known_nobody_knows_whether_enough_would_stay() -> None:
    """A watch that has failed needs no tasks to ask for a rollback."""
    check = {"name": "errors", "query": "errors", "max": 1}
    watch = Watch(release="bad", since=NOW - 30, phase=Phase.FAILED, reason="errors failed")
    service, known = replace(BAD, rollout=Rollout.COMPLETED), knows(replace(CAME, watch=watch))
    for least, held_by in ((0, None), (1, "min_available")):
        policy = a_healer(release={"checks": [check]}, disruption={"min_available": least})
        blind = replace(seen(service), tasks=None)
        assert step(policy, blind, known)[1].held_by == held_by


def test_after_a_rollback_its_release_has_failed_and_the_good_one_is_there() -> None:
    memory = done(*step(a_healer(STUCK), seen()))
    known = memory.healing.releases
    assert (known.current, known.before, known.restored, known.proved) == (
        "good",
        "bad",
        True,
        False,
    )
    assert [(each.release, each.reason) for each in known.failed] == [("bad", "stuck_update")]
    assert memory.template == "good"
    (attempt,) = memory.healing.attempts
    assert (attempt.act, attempt.release, attempt.to) == (Act.ROLLBACK, "bad", "good")


def test_a_rollback_of_ours_is_neither_a_new_release_nor_a_person() -> None:
    memory = done(*step(a_healer(STUCK), seen()))
    good = replace(BAD, template="good", rollout=Rollout.UPDATING, version=9)
    after, decision = decide(a_healer(STUCK), seen(good, now=NOW + 5), memory)
    assert after.healing.releases == memory.healing.releases
    assert after.healing.counted_from == memory.healing.counted_from
    assert after.healing.run == memory.healing.attempts
    assert decision.tells == ()


@pytest.mark.parametrize(("after", "ours"), [(20.0, True), (90.0, False)])
def test_a_rollback_that_shows_late_is_still_ours(after: float, ours: bool) -> None:
    """Its answer was lost, and when it was looked for it had not happened yet."""
    memory, decision = step(a_healer(STUCK), seen())
    assert decision.action is not None
    memory = recall.tried(memory, decision.action, NOW)
    good = replace(BAD, template="good", rollout=Rollout.UPDATING, version=9)
    later, _ = decide(a_healer(STUCK), seen(good, now=NOW + after), memory)
    known = later.healing.releases
    failed = known.failure("bad")
    assert (known.current, known.restored) == ("good", ours)
    assert (failed is not None and failed.ours) is ours


def test_a_release_that_came_back_by_hand_is_not_rolled_back_again() -> None:
    memory = done(*step(a_healer(STUCK), seen()))
    again, decision = decide(a_healer(STUCK), seen(now=NOW + 900), memory)
    assert again.healing.releases.current == "bad"
    assert decision.held_by == "rolled_back_once"


def test_the_same_cooldown_does_not_hold_the_next_bad_release() -> None:
    memory = done(*step(a_healer(STUCK), seen()))
    worse = replace(BAD, template="worse", version=12)
    _, decision = decide(a_healer(STUCK), seen(worse, now=NOW + 30), memory)
    assert decision.action is not None
    assert decision.action.release == "good"


def test_what_a_refused_template_leaves_is_the_next_older_one() -> None:
    memory, decision = step(a_healer(STUCK), seen())
    assert decision.action is not None
    memory = recall.refused(memory, decision.action, NOW)
    known = memory.healing.releases
    assert (known.current, known.unfit, known.failed) == ("bad", ("good",), ())
    _, again = decide(a_healer(STUCK), seen(now=NOW + 601), memory)
    assert again.action is not None
    assert again.action.release == "old"


def test_a_refused_restart_says_nothing_about_templates() -> None:
    memory, decision = step(a_healer(STUCK), seen())
    assert decision.action is not None
    restart = replace(decision.action, kind=Act.RESTART)
    after = recall.refused(memory, restart, NOW, "no such service")
    assert after.healing.releases == memory.healing.releases
    assert after.healing.attempts[-1].failure == "no such service"


def test_a_cure_that_failed_for_now_keeps_its_target() -> None:
    memory, decision = step(a_healer(STUCK), seen())
    assert decision.action is not None
    memory = recall.tried(memory, decision.action, NOW)
    _, again = decide(a_healer(STUCK), seen(now=NOW + 601), memory)
    assert again.action is not None
    assert again.action.release == "good"


def test_attempts_of_before_count_the_rollback_as_one_of_them() -> None:
    earlier = Attempt(at=NOW - 100.0, act=Act.RESTART, rule="x", release="bad")
    memory, decision = step(a_healer(STUCK), seen(), knows(attempts=(earlier,)))
    memory = done(memory, decision)
    good = replace(BAD, template="good", rollout=Rollout.NONE)
    after, _ = decide(a_healer(STUCK), seen(good, now=NOW + 5), memory)
    assert len(after.healing.run) == 2
