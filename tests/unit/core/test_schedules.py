"""Windows of time move the bounds or freeze the service; metrics stay active between them."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide.bounds import Bounds, in_force
from autoscaler.model import Reset, Rollout
from autoscaler.testing.builders import (
    NOW,
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    unknown,
    value,
)

LOW, HIGH = {"load": value(100.0)}, {"load": value(2000.0)}


def window(name: str, **words: Any) -> dict[str, Any]:
    return {"name": name, "cron": "0 8 * * *", "duration": "10h", **words}


OFFICE = window("office", min=6)
NIGHT = window("night", min=0, max=2)
SALE = window("sale", min=8, max=30)
FREEZE = window("freeze", freeze="both")


def watched(replicas: int = 3, *schedules: dict[str, Any], **scale: Any) -> Watched:
    words = {"min": 2, "behavior": at_once(), "schedules": schedules, **scale}
    return Watched(a_policy(**words), a_service(replicas), a_memory(replicas))


def bounds(*windows: str) -> Bounds:
    scale = a_policy(min=2, schedules=[OFFICE, NIGHT, SALE, FREEZE]).scale
    assert scale is not None
    return in_force(scale, windows)


# bounds


@pytest.mark.parametrize(
    ("windows", "low", "high"),
    [
        ((), 2, 10),
        (("office",), 6, 10),
        (("night",), 0, 2),
        (("sale",), 8, 30),
        (("office", "sale"), 8, 30),
        (("office", "night"), 6, 6),
        (("night", "sale"), 8, 30),
        (("freeze",), 2, 10),
        (("a window of another policy",), 2, 10),
    ],
)
def test_of_the_windows_that_are_open_the_one_that_gives_most_counts(
    windows: tuple[str, ...], low: int, high: int
) -> None:
    found = bounds(*windows)
    assert (found.min, found.max) == (low, high)


def test_a_bound_says_whose_it_is() -> None:
    assert (bounds("office").min_by, bounds("office").max_by) == ("min of 'office'", "max")
    assert (bounds("sale").max_by, bounds().min_by) == ("max of 'sale'", "min")


def test_a_window_that_opens_raises_the_service_at_once() -> None:
    service = watched(3, OFFICE, behavior={})
    decision = service.sees(LOW, windows=("office",))
    assert service.replicas == 6
    assert decision.reason == "3 is outside of min of 'office': 6"
    assert (decision.min, decision.max) == (6, 10)


def test_a_window_that_closes_leaves_the_rest_to_the_metrics() -> None:
    service = watched(6, OFFICE)
    assert service.sees(LOW, windows=("office",)).held_by == "bounds"
    service.sees(LOW)
    assert service.replicas == 2


def test_a_window_that_lowers_the_max_takes_replicas_away_without_data() -> None:
    service = watched(9, NIGHT)
    decision = service.sees({"load": unknown()}, windows=("night",))
    assert service.replicas == 2
    assert decision.reason == "9 is outside of max of 'night': 2"


def test_within_a_window_metrics_stay_active() -> None:
    service = watched(8, SALE)
    service.sees(HIGH, windows=("sale",))
    assert service.replicas == 20
    service.sees(LOW, windows=("sale",))
    assert service.replicas == 8


def test_what_metrics_reached_above_the_max_goes_when_the_window_closes() -> None:
    service = watched(20, SALE)
    service.sees(HIGH)
    assert service.replicas == 10


# without metrics


def test_schedules_without_metrics_are_followed_both_ways() -> None:
    service = watched(2, OFFICE, metrics=[])
    service.sees({}, windows=("office",))
    assert service.replicas == 6
    decision = service.sees({})
    assert service.replicas == 2
    assert decision.reason == "no metrics; min is 2"
    assert service.sees({}).action is None


def test_what_a_person_set_stands_for_a_while_against_a_schedule() -> None:
    service = watched(6, OFFICE, metrics=[])
    service.sees({}, windows=("office",))
    service.has(8)
    assert service.sees({}, windows=("office",)).held_by == "manual_change"
    service.sees({}, windows=("office",), after=300)
    assert service.replicas == 6


@pytest.mark.parametrize("schedule", [FREEZE, window("cap", max=9)])
def test_a_window_that_states_no_min_shrinks_nothing_to_the_min(schedule: dict[str, Any]) -> None:
    service = watched(5, schedule, metrics=[])
    decision = service.sees({})
    assert (decision.action, decision.reason) == (None, "no metrics; within bounds")


# freezing


@pytest.mark.parametrize(
    ("freeze", "up", "down"),
    [("both", False, False), ("up", False, True), ("down", True, False)],
)
def test_a_frozen_direction_is_not_taken(freeze: str, up: bool, down: bool) -> None:
    frozen = window("release", freeze=freeze)
    for samples, free in ((HIGH, up), (LOW, down)):
        decision = watched(5, frozen).sees(samples, windows=("release",))
        assert (decision.action is not None) is free
        assert decision.held_by == (None if free else "freeze")
        assert watched(5, frozen).sees(samples).action is not None


def test_a_freeze_holds_even_what_is_out_of_bounds_and_what_a_deploy_took() -> None:
    for replicas in (1, 30):
        decision = watched(replicas, FREEZE).sees(HIGH, windows=("freeze",))
        assert decision.held_by == "freeze"
        assert decision.reason.endswith("freeze: 'freeze' is open")
    service = watched(3, FREEZE)
    service.memory = a_memory(3, reset=Reset(at=NOW, replicas=8))
    assert service.sees(LOW, windows=("freeze",)).held_by == "freeze"
    service.sees(LOW)
    assert service.replicas == 8


def test_a_frozen_window_may_move_the_bounds_for_the_other_direction() -> None:
    service = watched(3, window("launch", min=6, freeze="down"))
    service.sees(LOW, windows=("launch",))
    assert service.replicas == 6
    assert service.sees(LOW, windows=("launch",)).held_by == "freeze"


def test_a_rollout_is_not_disturbed_by_a_window_that_opens() -> None:
    service = watched(3, OFFICE)
    service.service = a_service(3, rollout=Rollout.UPDATING)
    assert service.sees(LOW, windows=("office",)).held_by == "rollout"


def test_the_names_of_windows_and_their_order_of_bounds_are_checked() -> None:
    for wrong in ([OFFICE, OFFICE], [window("a", min=11)], [window("a", max=1)]):
        with pytest.raises(ValueError, match=r"named 'office'|min is above max"):
            a_policy(min=2, metrics=[a_metric()], schedules=wrong)
