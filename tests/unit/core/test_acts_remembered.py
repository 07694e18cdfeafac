"""What an act leaves behind, in full: whatever is not named here stays as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import recall
from autoscaler.model import (
    Act,
    Action,
    Attempt,
    Changed,
    Doubt,
    Failed,
    Healing,
    Memory,
    Order,
    OrderKind,
    Phase,
    Quarantine,
    Releases,
    Reset,
    Run,
    Scaled,
    Unsent,
    Watch,
)
from autoscaler.testing.builders import NOW

BEFORE = Memory(
    replicas=4,
    recommendations=(Run(replicas=4, since=NOW - 90, until=NOW - 15),),
    scaled=(Scaled(at=NOW - 60, change=1),),
    template="r2",
    changed=Changed(at=NOW - 5, replicas=6, updated_at=NOW - 5),
    doubt=Doubt(at=NOW - 30, replicas=5, previous=4),
    disturbed_at=NOW - 500,
    reset=Reset(at=NOW - 5, replicas=6),
    zeroed=True,
    missing_since=NOW - 15,
    good=1,
    good_at=NOW - 1,
    strategies={"load": [1.0]},
    healing=Healing(
        rules={"probe": [1.0]},
        since={"probe": NOW - 60},
        told={"leak": NOW - 60},
        attempts=(Attempt(at=NOW - 900, act=Act.RESTART, rule="probe", release="r2"),),
        unsent=Unsent(at=NOW - 60, reason="no leader"),
        well_since=NOW - 30,
        ailing=True,
        release="r2",
        released_at=NOW - 1000,
        releases=Releases(
            current="r2",
            since=NOW - 1000,
            before="r1",
            tasks_from=NOW - 1000,
            well_since=NOW - 30,
            failed=(Failed(release="r0", at=NOW - 9000),),
            unfit=("r9",),
            watch=Watch(release="r2", since=NOW - 1000, phase=Phase.FAILED),
            usual={"errors": ((NOW - 2000, 1.0),)},
        ),
    ),
    obeyed={OrderKind.ROLLBACK: NOW - 5000},
)
BY_ANN = Order(kind=OrderKind.SCALE, service="web", at=NOW - 1, actor="ann", replicas=7)


def act(kind: Act, **more: Any) -> Action:
    given = {"service_id": "web-id", "service": "web", "version": 7, "replicas": 4, "previous": 4}
    return Action(kind=kind, **{**given, **more})


def tried(action: Action, **more: Any) -> Healing:
    """The healing of before, after one more attempt."""
    attempt = Attempt(at=NOW, act=action.kind, rule=action.rule, release="r2", **more)
    known = BEFORE.healing
    attempts = (*known.attempts, attempt)
    return replace(known, attempts=attempts, unsent=None, well_since=None, since={})


@pytest.mark.parametrize(
    ("replicas", "reset"),
    [(5, BEFORE.reset), (6, None), (7, None), (3, None), (0, None)],
    ids=["a part is put back", "all of it", "more", "less", "nothing is left"],
)
def test_a_scale(replicas: int, reset: Reset | None) -> None:
    after = recall.after(BEFORE, act(Act.SCALE, replicas=replicas), NOW)
    assert after == replace(
        BEFORE,
        replicas=replicas,
        zeroed=replicas == 0,
        reset=reset,
        doubt=None,
        scaled=(*BEFORE.scaled, Scaled(at=NOW, change=replicas - 4)),
    )


def test_a_scale_by_hand_is_a_persons_change() -> None:
    after = recall.after(BEFORE, act(Act.SCALE, replicas=7, order=BY_ANN), NOW)
    assert after == replace(
        BEFORE,
        replicas=7,
        disturbed_at=NOW,
        changed=None,
        doubt=None,
        reset=None,
        zeroed=False,
        obeyed={**BEFORE.obeyed, OrderKind.SCALE: BY_ANN.at},
    )


def test_a_restart() -> None:
    restart = act(Act.RESTART, rule="probe", forced=1)
    assert recall.after(BEFORE, restart, NOW) == replace(BEFORE, healing=tried(restart))


def test_a_restart_by_hand_does_not_count_against_healing() -> None:
    ordered = Order(kind=OrderKind.RESTART, service="web", at=NOW - 2, actor="ann")
    restart = act(Act.RESTART, rule="restart by hand", order=ordered)
    assert recall.after(BEFORE, restart, NOW) == replace(
        BEFORE,
        healing=tried(restart, by_hand=True),
        obeyed={**BEFORE.obeyed, OrderKind.RESTART: NOW - 2},
    )


def test_a_cure_that_was_refused_says_why_in_a_few_words() -> None:
    restart = act(Act.RESTART, rule="probe")
    told = recall.refused(BEFORE, restart, NOW, "x" * 9999).healing.attempts[-1].failure
    assert told == "x" * len(told)
    assert 0 < len(told) < 1000
    assert recall.refused(BEFORE, restart, NOW, "no") == replace(
        BEFORE, healing=tried(restart, failure="no")
    )
    assert recall.tried(BEFORE, restart, NOW, "no") == recall.refused(BEFORE, restart, NOW, "no")


def test_a_rollback_leaves_a_release_that_has_failed() -> None:
    back = act(Act.ROLLBACK, rule="release", release="r1")
    known = BEFORE.healing.releases
    failed = Failed(release="r2", at=NOW, reason="release", ours=True)
    after = replace(
        known,
        current="r1",
        since=NOW,
        before="r2",
        tasks_from=NOW,
        well_since=None,
        restored=True,
        failed=(*known.failed, failed),
        watch=None,
    )
    healing = replace(tried(back, to="r1"), releases=after)
    assert recall.after(BEFORE, back, NOW) == replace(BEFORE, healing=healing, template="r1")


def test_a_template_that_was_refused_is_not_gone_back_to() -> None:
    back = act(Act.ROLLBACK, rule="release", release="r1")
    known = replace(BEFORE.healing.releases, unfit=("r9", "r1"))
    healing = replace(tried(back, to="r1", failure="no such image"), releases=known)
    assert recall.refused(BEFORE, back, NOW, "no such image") == replace(BEFORE, healing=healing)


def test_a_write_without_an_answer_is_doubted_and_nothing_else() -> None:
    doubt = Doubt(at=NOW, replicas=9, previous=4)
    assert recall.doubted(BEFORE, act(Act.SCALE, replicas=9), NOW) == replace(BEFORE, doubt=doubt)


def test_a_cure_that_could_not_be_sent() -> None:
    unsent = replace(BEFORE.healing, unsent=Unsent(at=NOW, reason="no leader"))
    assert recall.unsent(BEFORE, "no leader", NOW) == replace(BEFORE, healing=unsent)


def test_what_nobody_looks_after_is_neither_ailing_nor_found_sick() -> None:
    rested = replace(BEFORE.healing, ailing=False, since={})
    assert recall.unwatched(BEFORE) == replace(BEFORE, healing=rested)
    for half in (replace(rested, ailing=True), replace(rested, since={"probe": NOW})):
        assert recall.unwatched(replace(BEFORE, healing=half)).healing == rested
    calm = replace(BEFORE, healing=rested)
    assert recall.unwatched(calm) is calm


def test_at_a_start_the_last_recommendation_stood_until_the_last_pass() -> None:
    stood = Run(replicas=4, since=NOW - 90, until=NOW - 10)
    assert recall.awake(BEFORE, NOW - 10, NOW) == replace(BEFORE, recommendations=(stood,))
    later = replace(BEFORE, recommendations=(replace(stood, until=NOW - 5),))
    assert recall.awake(later, NOW - 10, NOW) == later
    nothing = replace(BEFORE, recommendations=())
    assert recall.awake(nothing, NOW - 10, NOW) is nothing


def test_after_a_long_absence_it_stays_as_large_as_it_is_and_samples_prove_themselves_anew() -> (
    None
):
    away = recall.AWAY
    assert recall.returned(BEFORE, NOW - away, NOW) is BEFORE
    again = Run(replicas=4, since=NOW, until=NOW)
    runs = (*BEFORE.recommendations, again)
    expected = replace(BEFORE, recommendations=runs, missing_since=NOW, good=0, good_at=None)
    assert recall.returned(BEFORE, NOW - away - 0.1, NOW) == expected
    good = replace(BEFORE, missing_since=None)
    assert recall.returned(good, NOW - away - 0.1, NOW).missing_since is None
    new = Memory()
    assert recall.returned(new, NOW - away - 0.1, NOW) is new


def test_how_long_the_last_recommendation_stands_is_not_worth_a_write() -> None:
    longer = replace(BEFORE, recommendations=(Run(replicas=4, since=NOW - 90, until=NOW),))
    assert recall.durable(longer) == recall.durable(BEFORE) != BEFORE
    other = replace(BEFORE, recommendations=(Run(replicas=5, since=NOW - 90, until=NOW),))
    assert recall.durable(other) != recall.durable(BEFORE)
    earlier = (Run(replicas=9, since=NOW - 400, until=NOW - 90), *BEFORE.recommendations)
    both = recall.durable(replace(BEFORE, recommendations=earlier))
    assert both.recommendations[0] == earlier[0]
    nothing = replace(BEFORE, recommendations=())
    assert recall.durable(nothing) is nothing


def test_a_quarantine_outlives_a_cure() -> None:
    held = replace(BEFORE.healing, quarantine=Quarantine(at=NOW - 9, reason="given up"))
    restart = act(Act.RESTART, rule="probe")
    after = recall.after(replace(BEFORE, healing=held), restart, NOW)
    assert after.healing.quarantine == held.quarantine
