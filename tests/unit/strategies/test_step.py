"""`step` changes the replicas by the band that a metric lies in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.strategies.points import AHEAD, MOST_POINTS
from autoscaler.strategies.step import Step
from autoscaler.testing.builders import NOW, per_task, some_tasks, value
from tests.unit.strategies.readings import reading, recommend

HOT = {"lower": 80, "change": 2}
COLD = {"upper": 20, "change": -1}


def step(*bands: dict[str, Any], **words: Any) -> Step:
    return Step.model_validate({"steps": bands, **words})


def play(strategy: Step, *points: tuple[float, float], replicas: int = 3) -> list[int | None]:
    """What is recommended at each of these times after NOW, with values measured just then."""
    memory, found = None, []
    for after, number in points:
        now = NOW + after
        memory, said = strategy.step(memory, reading(value(number, at=now), replicas, now=now))
        memory = json.loads(json.dumps(memory))
        found.append(said.replicas)
    return found


# bands


@pytest.mark.parametrize(
    ("seen", "replicas"), [(79.9, 3), (80.0, 5), (1e300, 5), (20.0, 3), (19.9, 2), (-1e300, 2)]
)
def test_a_band_begins_at_its_lower_bound_and_ends_before_its_upper(
    seen: float, replicas: int
) -> None:
    assert recommend(step(HOT, COLD), seen).replicas == replicas


def test_between_the_bands_nothing_changes() -> None:
    found = recommend(step(HOT, COLD), 50.0)
    assert (found.replicas, found.abstains) == (3, False)
    assert found.reason == "50 seen: no change"


def test_where_bands_overlap_the_one_that_leaves_most_replicas_counts() -> None:
    bands = step(HOT, {"lower": 95, "percent": 100}, {"lower": 90, "change": -3})
    assert recommend(bands, 99.0, 3).replicas == 6
    assert recommend(bands, 99.0, 1).replicas == 3


@pytest.mark.parametrize("upper", [5, 20])
def test_a_band_that_no_value_lies_in_is_refused(upper: int) -> None:
    with pytest.raises(ValidationError, match=f"no value is from 20 on and below {upper}"):
        step({"lower": 20, "upper": upper, "change": 1})


@pytest.mark.parametrize(
    ("change", "current", "replicas"),
    [
        ({"change": 2}, 3, 5),
        ({"change": -2}, 1, 0),
        ({"change": 0}, 3, 3),
        ({"percent": 50}, 1, 2),
        ({"percent": 50}, 3, 5),
        ({"percent": -30}, 10, 7),
        ({"percent": -10}, 3, 3),
        ({"percent": -150}, 4, 0),
        ({"percent": 10}, 0, 0),
        ({"replicas": 7}, 3, 7),
        ({"replicas": 0}, 3, 0),
    ],
)
def test_a_change_is_a_number_a_percentage_or_a_size(
    change: dict[str, Any], current: int, replicas: int
) -> None:
    assert recommend(step({"lower": 0, **change}), 1.0, current).replicas == replicas


def test_percentages_are_reckoned_in_binary_fractions_as_in_nomads_autoscaler() -> None:
    tenth = step({"lower": 0, "percent": 10})
    assert recommend(tenth, 1.0, 10).replicas == 11
    assert recommend(tenth, 1.0, 100).replicas == 111


# points


def test_so_many_points_of_the_window_must_lie_in_the_band() -> None:
    patient = step(HOT, window="1m", points=3)
    seen = play(patient, (0, 90.0), (15, 50.0), (30, 90.0), (45, 90.0))
    assert seen == [3, 3, 3, 5]


def test_points_need_not_be_the_newest_ones() -> None:
    assert play(step(HOT, window="1m", points=1), (0, 90.0), (30, 50.0)) == [5, 5]


def test_a_point_leaves_the_window_at_its_very_end() -> None:
    patient = step(HOT, window="1m", points=2)
    assert play(patient, (0, 90.0), (59.9, 90.0)) == [3, 5]
    assert play(patient, (0, 90.0), (60, 90.0)) == [3, 3]


def test_the_same_measurement_counts_once_however_often_it_is_read() -> None:
    patient = step(HOT, window="5m", points=2)
    memory = None
    for after in (0, 15, 30):
        memory, said = patient.step(memory, reading(value(90.0, at=NOW), now=NOW + after))
        assert said.replicas == 3
    assert memory == [[NOW, 90.0]]
    assert patient.step(memory, reading(value(90.0, at=NOW + 40), now=NOW + 45))[1].replicas == 5


def test_a_measurement_from_before_the_last_one_does_not_count() -> None:
    patient = step(HOT, window="5m", points=2)
    memory, _ = patient.step(None, reading(value(50.0, at=NOW)))
    assert patient.step(memory, reading(value(90.0, at=NOW - 10)))[0] == [[NOW, 50.0]]


def test_a_source_that_states_no_time_gives_a_point_at_each_pass() -> None:
    patient = step(HOT, window="1m", points=2)
    memory, _ = patient.step(None, reading(90.0))
    assert patient.step(memory, reading(90.0, now=NOW + 15))[1].replicas == 5


def test_a_clock_that_was_far_ahead_once_does_not_stop_it_for_ever() -> None:
    patient = step(HOT, window="1m", points=1)
    memory, _ = patient.step(None, reading(value(50.0, at=NOW + AHEAD + 1)))
    assert patient.step(memory, reading(value(90.0, at=NOW + 1)))[1].replicas == 5


@pytest.mark.parametrize("wrong", [7, "ab", {"a": 1}, [[1.0]], [["a", "b"]], [[None, 1.0]]])
def test_points_that_cannot_be_read_count_as_none(wrong: Any) -> None:
    patient = step(HOT, window="1m", points=2)
    memory, said = patient.step(wrong, reading(90.0))
    assert (memory, said.replicas) == ([[NOW, 90.0]], 3)


def test_points_are_kept_up_to_a_number() -> None:
    patient = step(HOT, window="1h", points=2)
    memory: Any = [[NOW - 1800 + number, 0.0] for number in range(MOST_POINTS)]
    memory, _ = patient.step(memory, reading(90.0))
    assert len(memory) == MOST_POINTS
    assert memory[-1] == [NOW, 90.0]


def test_without_a_window_only_the_newest_counts_and_nothing_is_remembered() -> None:
    assert play(step(HOT), (0, 90.0), (1, 50.0)) == [5, 3]
    assert step(HOT).step([[NOW, 1.0]], reading(90.0))[0] is None


@pytest.mark.parametrize("points", [0, -1])
def test_with_no_points_needed_a_band_always_holds(points: int) -> None:
    assert recommend(step(HOT, points=points), 1.0).replicas == 5


# tasks


def test_a_total_that_lacks_tasks_adds_replicas_and_removes_none() -> None:
    tasks = some_tasks(3)
    found = recommend(step(HOT, COLD), per_task(5.0, 5.0), tasks=tasks)
    assert (found.replicas, found.reason) == (None, "1 of its tasks gave no sample")
    assert recommend(step(HOT, COLD), per_task(50.0, 50.0), tasks=tasks).replicas == 5
    assert recommend(step(HOT, COLD), per_task(5.0, 5.0, 5.0), tasks=tasks).replicas == 2


# options


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"steps": []}, "at least 1 item"),
        ({"steps": [{"change": 1}]}, "state lower:, upper: or both"),
        ({"steps": [{"lower": 1}]}, "state exactly one of change:"),
        ({"steps": [{"lower": 1, "change": 1, "percent": 5}]}, "state exactly one of change:"),
        ({"steps": [{"lower": 1, "change": 1.5}]}, "valid integer"),
        ({"steps": [{"lower": 1, "replicas": -1}]}, "greater than or equal to 0"),
        ({"steps": [{"lower": float("nan"), "change": 1}]}, "finite"),
        ({"steps": [HOT], "points": MOST_POINTS + 1}, "less than or equal"),
        ({"steps": [HOT], "window": "2h"}, "less than or equal"),
    ],
)
def test_options_that_make_no_sense_are_refused(words: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Step.model_validate(words)
