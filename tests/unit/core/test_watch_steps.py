"""Single steps of the watch over a release: what one answer counts, and what is usual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import watching
from autoscaler.model import Phase, Quality, Releases, Rollout, Sample, Tally, Watch
from autoscaler.policy import Release
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_service,
    observe,
    partial,
    per_task,
    unknown,
    value,
)

SERVICE = a_service(3, template="r2")
WATCHED = Watch(release="r2", since=NOW - 900, phase=Phase.WATCHED, rolled_out_at=NOW - 600)
CALM = Releases(current="r2", since=NOW - 900)


def rules(*limits: dict[str, Any], **more: Any) -> Release:
    """A release with one check, `errors`, and these limits."""
    check = {
        "name": "errors",
        "query": "errors",
        **{k: v for one in limits for k, v in one.items()},
    }
    given = {"checks": [check], "warmup": "1m", "interval": "30s", "watch": "20m", **more}
    return a_healer({"rule": "exhausted", "then": "restart"}, release=given).release


def counted(
    sample: Sample | None,
    by: Release,
    before: Tally | None = None,
    baseline: float | None = 10.0,
    traffic: Sample | None = None,
) -> Tally:
    """What a check has come to after one more evaluation."""
    known = {} if baseline is None else {"errors": baseline}
    watch = replace(WATCHED, baseline=known, tallies={"errors": before} if before else {})
    checks = {"errors": sample} if sample else {}
    seen = observe(SERVICE, checks=checks | ({"traffic": traffic} if traffic else {}))
    return watching.step(watch, by, seen).tallies["errors"]


@pytest.mark.parametrize(
    ("limit", "number", "broken"),
    [
        ({"max": 5}, 5.0, None),
        ({"max": 5}, 5.1, "5.1 is above 5"),
        ({"min": 5}, 5.0, None),
        ({"min": 5}, 4.9, "4.9 is below 5"),
        ({"max_increase": 50}, 15.0, None),
        ({"max_increase": 50}, 16.0, "16 is 60 % above 10, which it was before the change"),
        ({"max_decrease": 50}, 5.0, None),
        ({"max_decrease": 50}, 4.0, "4 is 60 % below 10, which it was before the change"),
    ],
)
def test_a_limit_itself_may_be_reached(
    limit: dict[str, Any], number: float, broken: str | None
) -> None:
    found = counted(value(number), rules(limit))
    passes = int(broken is None)
    told = broken or f"passes with {number:g}"
    assert found == Tally(passes=passes, failures=1 - passes, at=NOW, conclusive=True, last=told)


def test_what_is_below_nothing_is_compared_by_its_size() -> None:
    found = counted(value(-4.0), rules({"max_increase": 50}), baseline=-10.0)
    assert found.last == "-4 is 60 % above -10, which it was before the change"


BEFORE = Tally(passes=2, failures=1, errors=3, at=NOW - 60, conclusive=True, last="passes with 1")


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (unknown(), "no data"),
        (partial(1.0), "partial: a store did not answer"),
        (per_task(1.0, None), "1 of its tasks gave no sample"),
        (value(1.0, at=NOW - 600), "it was measured before the end of the rollout"),
    ],
)
def test_what_says_nothing_changes_no_count(sample: Sample, told: str) -> None:
    expected = replace(BEFORE, errors=0, conclusive=False, last=f"inconclusive: {told}")
    assert counted(sample, rules({"max": 5}), BEFORE) == expected


def test_an_answer_counts_as_of_when_it_was_measured_and_once() -> None:
    by = rules({"max": 5})
    found = counted(value(1.0, at=NOW - 599), by)
    assert (found.at, found.passes) == (NOW - 599, 1)
    assert counted(value(9.0, at=NOW - 60), by, BEFORE) == BEFORE
    assert counted(value(9.0, at=NOW - 59), by, BEFORE).failures == 2
    assert counted(value(9.0), by, BEFORE).at == NOW


def test_errors_in_a_row_are_counted_and_an_answer_ends_them() -> None:
    by, down = rules({"max": 5}), unknown(Quality.ERROR, "down")
    expected = replace(BEFORE, errors=4, conclusive=False, last="error: error: down")
    assert counted(down, by, BEFORE) == expected
    assert counted(value(1.0), by, BEFORE).errors == 0


@pytest.mark.parametrize(
    ("traffic", "told"),
    [
        (None, "inconclusive: traffic is not known: not asked yet"),
        (unknown(), "inconclusive: traffic is not known: no data"),
        (value(9.9), "inconclusive: traffic is 9.9, below 10"),
        (value(10.0), "passes with 1"),
    ],
)
def test_there_must_be_traffic_enough(traffic: Sample | None, told: str) -> None:
    by = rules({"max": 5}, traffic={"query": "rate", "min": 10})
    assert counted(value(1.0), by, traffic=traffic).last == told


@pytest.mark.parametrize(
    ("baseline", "told"),
    [(None, "not known"), (0.0, "0")],
)
def test_of_nothing_no_share_is_told(baseline: float | None, told: str) -> None:
    found = counted(value(1.0), rules({"max_increase": 50}), baseline=baseline)
    assert found.last == f"inconclusive: what it was before the change is {told}"
    assert counted(value(1.0), rules({"max": 5}), baseline=None).passes == 1


@pytest.mark.parametrize("phase", Phase)
def test_a_release_that_takes_anothers_place_is_compared_with_what_was_before_both(
    phase: Phase,
) -> None:
    doubted = phase.open or phase is Phase.FAILED
    earlier = replace(WATCHED, phase=phase, baseline={"errors": 7.0})
    known = replace(CALM, watch=earlier, usual={"errors": ((NOW - 60, 3.0),)})
    found = watching.begin(known, observe(replace(SERVICE, template="r3")))
    baseline = {"errors": 7.0 if doubted else 3.0}
    assert found == Watch(release="r3", since=NOW, baseline=baseline)


def usual(known: Releases, sample: Sample | None, **more: Any) -> tuple[tuple[float, float], ...]:
    by = rules({"max_increase": 50}, traffic=more.pop("traffic", None))
    seen = observe(
        more.pop("service", SERVICE), checks={"errors": sample} if sample else {}, **more
    )
    return watching.usual(known, by, seen).usual.get("errors", ())


def test_what_is_usual_is_told_apart_from_what_a_release_brings() -> None:
    assert usual(CALM, value(3.0)) == ((NOW, 3.0),)
    warm = replace(CALM, since=NOW - 60)
    assert usual(warm, value(3.0)) == ((NOW, 3.0),)
    assert usual(replace(warm, since=NOW - 59), value(3.0)) == ()
    for phase in Phase:
        doubted = phase.open or phase is Phase.FAILED
        found = usual(replace(CALM, watch=replace(WATCHED, phase=phase)), value(3.0))
        assert found == (() if doubted else ((NOW, 3.0),))
    rolling = replace(SERVICE, rollout=Rollout.UPDATING)
    assert usual(CALM, value(3.0), service=rolling) == ()


@pytest.mark.parametrize("sample", [None, unknown(), partial(3.0), per_task(3.0, None)])
def test_what_says_nothing_is_not_usual(sample: Sample | None) -> None:
    assert usual(CALM, sample) == ()


def test_what_is_seen_with_too_little_traffic_is_not_usual() -> None:
    assert usual(CALM, value(3.0), traffic={"query": "rate", "min": 10}) == ()


def test_a_point_a_minute_and_the_last_ten() -> None:
    known = replace(CALM, usual={"errors": ((NOW - 59.9, 1.0),)})
    assert usual(known, value(3.0)) == ((NOW - 59.9, 1.0),)
    known = replace(CALM, usual={"errors": ((NOW - 60, 1.0),)})
    assert usual(known, value(3.0)) == ((NOW - 60, 1.0), (NOW, 3.0))
    many = tuple((NOW - 60.0 * n, float(n)) for n in range(10, 0, -1))
    assert usual(replace(CALM, usual={"errors": many}), value(3.0)) == (*many[1:], (NOW, 3.0))


def test_a_watch_that_nobody_could_ask_says_so_at_its_end() -> None:
    late = replace(WATCHED, rolled_out_at=NOW - 60 - 2 * 1200)
    found = watching.step(late, rules({"max": 5}), observe(SERVICE))
    assert (found.phase, found.reason) == (
        Phase.INCONCLUSIVE,
        "nobody can tell: errors: not evaluated",
    )
    assert watching.step(
        replace(late, rolled_out_at=NOW - 2459), rules({"max": 5}), observe(SERVICE)
    ).phase.open


def test_errors_are_told_when_their_limit_is_passed_and_not_again() -> None:
    by = rules({"max": 5}, error_limit=2)
    told = "check errors of release r2: down; nothing is done for it"

    def says(before: int, after: int, release: str = "r2") -> list[str]:
        was = replace(WATCHED, release=release, tallies={"errors": Tally(errors=before)})
        now = replace(WATCHED, tallies={"errors": Tally(errors=after, last="down")})
        return [*watching.tells(replace(CALM, watch=was), replace(CALM, watch=now), by)]

    assert (says(2, 3), says(3, 4), says(1, 2)) == ([told], [], [])
    assert says(3, 3, release="r1") == [told]
    bare = replace(CALM, watch=replace(WATCHED, tallies={"errors": Tally(errors=3, last="down")}))
    assert [*watching.tells(CALM, bare, by)] == [told]
    assert [*watching.tells(bare, CALM, by)] == []
