"""Heals that do not last: each waits longer, and then the service is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.decide import recall
from autoscaler.model import (
    Health,
    Quarantine,
    Rollout,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_memory,
    some_tasks,
)
from tests.unit.core.sick import EXHAUSTED, KNOWN, SERVICE, attempt, dead, seen, step


@pytest.mark.parametrize(
    ("heals", "pause"), [(1, 10), (2, 20), (3, 40), (4, 80), (6, 300), (9, 300)]
)
def test_each_heal_waits_twice_as_long_as_the_one_before(
    always: None, heals: int, pause: int
) -> None:
    policy = a_healer({**EXHAUSTED, "cooldown": "0s"}, disruption={"quarantine_after": 100})
    for ago, acts in ((pause - 0.5, False), (pause, True)):
        attempts = (*(attempt(5000.0 + n) for n in range(heals, 1, -1)), attempt(ago))
        _, decision = step(policy, seen(), replace(KNOWN, attempts=attempts))
        assert (decision.action is not None) is acts
        assert decision.held_by == (None if acts else "heal_backoff")


def test_a_cure_that_could_not_be_sent_counts_for_nothing(always: None) -> None:
    policy = a_healer(EXHAUSTED, disruption={"quarantine_after": 1})
    _, decision = step(policy, seen())
    assert decision.action is not None
    after = a_memory(healing=KNOWN)
    for _ in range(5):
        after = recall.unsent(after, "no leader", NOW)
    assert after.healing.run == ()
    _, decision = step(policy, seen(now=NOW + 29.0), after.healing)
    assert "no leader" in decision.reason
    assert decision.held_by == "heal_unsent"
    healing, decision = step(policy, seen(now=NOW + 30.0), after.healing)
    assert healing.quarantine is None
    assert decision.action is not None
    assert recall.tried(after, decision.action, NOW).healing.unsent is None


def test_why_a_heal_failed_is_told_while_the_next_one_waits_and_when_none_comes(
    always: None,
) -> None:
    failed = replace(attempt(5.0), failure="it was refused: denied")
    for policy in ({"disruption": {"backoff": "30s"}}, {"disruption": {"backoff": "1s"}}):
        _, decision = step(
            a_healer(EXHAUSTED, **policy), seen(), replace(KNOWN, attempts=(failed,))
        )
        assert decision.reason.endswith("which failed: it was refused: denied")
    tried = replace(KNOWN, attempts=(replace(failed, at=NOW - 700.0),))
    _, decision = step(a_healer(EXHAUSTED, disruption={"quarantine_after": 1}), seen(), tried)
    assert decision.held_by == "quarantine"
    assert "failed: it was refused: denied" in decision.tells[0]


def test_after_three_heals_that_did_not_last_it_is_left_alone_and_told_once(always: None) -> None:
    policy = a_healer({**EXHAUSTED, "cooldown": "0s"})
    tried = replace(KNOWN, attempts=tuple(attempt(100.0 * n) for n in (9, 6, 3)))
    healing, decision = step(policy, seen(), tried)
    assert decision.held_by == "quarantine"
    assert decision.health is not None
    assert decision.health.state is Health.QUARANTINED
    assert "3 heals did not last" in decision.tells[0]
    _, decision = step(policy, seen(now=NOW + 86_400), healing)
    assert (decision.held_by, decision.tells) == ("quarantine", ())


def test_nobody_gives_up_while_the_last_heal_may_still_help(always: None) -> None:
    policy = a_healer({**EXHAUSTED, "cooldown": "0s"}, disruption={"backoff": "60s"})
    tried = replace(KNOWN, attempts=tuple(attempt(ago) for ago in (900.0, 600.0, 59.0)))
    healing, decision = step(policy, seen(), tried)
    assert (decision.held_by, healing.quarantine) == ("heal_backoff", None)
    rolling = replace(SERVICE, rollout=Rollout.UPDATING)
    healing, _ = step(policy, seen(rolling, now=NOW + 1), tried)
    assert healing.quarantine is None
    healing, decision = step(policy, seen(now=NOW + 1), tried)
    assert (decision.held_by, healing.quarantine is None) == ("quarantine", False)


def test_a_new_release_ends_the_quarantine(always: None) -> None:
    held = replace(
        KNOWN,
        attempts=tuple(attempt(900.0) for _ in range(3)),
        quarantine=Quarantine(at=NOW, reason="gave up", release="r1"),
    )
    healing, decision = step(a_healer(EXHAUSTED), seen(replace(SERVICE, template="r2")), held)
    assert healing.quarantine is None
    assert decision.action is not None


@pytest.mark.parametrize(("freed", "acts"), [(-1.0, False), (0.0, True), (60.0, True)])
def test_a_person_ends_the_quarantine_that_there_is_and_no_later_one(
    always: None, freed: float, acts: bool
) -> None:
    held = replace(
        KNOWN,
        attempts=tuple(attempt(900.0) for _ in range(3)),
        quarantine=Quarantine(at=NOW - 100, reason="gave up", release="r1"),
    )
    observation = seen(released_at=NOW - 100 + freed)
    healing, decision = step(a_healer(EXHAUSTED), observation, held)
    assert (decision.action is not None) is acts
    assert (healing.quarantine is None) is acts


def test_ten_healthy_minutes_prove_a_heal() -> None:
    policy = a_healer(EXHAUSTED)
    healing = replace(KNOWN, attempts=(attempt(60.0),))
    for later in (0.0, 599.0):
        healing, _ = step(policy, seen(tasks=some_tasks(3), now=NOW + later), healing)
        assert len(healing.run) == 1
    healing, _ = step(policy, seen(tasks=some_tasks(3), now=NOW + 600), healing)
    assert healing.run == ()
    assert len(healing.attempts) == 1


def test_a_task_that_fails_meanwhile_starts_the_ten_minutes_anew() -> None:
    policy = a_healer(EXHAUSTED)
    healing = replace(KNOWN, attempts=(attempt(60.0),), well_since=NOW - 590)
    failed = replace(dead(1, ago=20.0), created_at=NOW - 60)
    tasks = (failed, *some_tasks(3))
    healing, _ = step(policy, seen(tasks=tasks, now=NOW + 20), healing)
    assert len(healing.run) == 1
    assert healing.well_since == NOW - 20


def test_a_heal_counts_from_when_it_was_done_and_one_that_was_refused_too() -> None:
    memory = a_memory(healing=KNOWN)
    action = step(a_healer(EXHAUSTED), seen())[1].action
    assert action is not None
    after = recall.after(memory, action, NOW + 1)
    assert after.healing.attempts == (replace(attempt(-1.0)),)
    assert after.scaled == memory.scaled
    _, decision = step(a_healer(EXHAUSTED), seen(now=NOW + 5), after.healing)
    assert decision.action is None
