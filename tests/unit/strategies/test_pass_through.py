"""`pass_through` has as many replicas as the metric says."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Sample
from autoscaler.strategies.pass_through import PassThrough
from autoscaler.testing.builders import per_task, some_tasks, value
from tests.unit.strategies.readings import recommend


def asked(sample: Sample | float, replicas: int = 3, **words: Any) -> int | None:
    return recommend(PassThrough.model_validate(words), sample, replicas).replicas


@pytest.mark.parametrize(
    ("seen", "replicas"),
    [(0.0, 0), (2.9, 2), (3.0, 3), (13.0, 13), (-1.0, 0), (-0.5, 0), (1e300, 2**31 - 1)],
)
def test_the_metric_is_the_number_of_replicas_cut_to_a_whole_one(
    seen: float, replicas: int
) -> None:
    assert asked(seen) == replicas


def test_it_says_what_was_asked_for() -> None:
    found = recommend(PassThrough(), 13.4)
    assert found.reason == "13.4 asked for: 3 -> 13"


@pytest.mark.parametrize(
    ("seen", "limits", "replicas"),
    [
        (13.0, {"max_scale_up": 3}, 6),
        (5.0, {"max_scale_up": 3}, 5),
        (13.0, {"max_scale_up": 0}, 3),
        (13.0, {"max_scale_down": 1}, 13),
        (0.0, {"max_scale_down": 1}, 2),
        (0.0, {"max_scale_down": 0}, 3),
        (0.0, {"max_scale_up": 1}, 0),
        (13.0, {"max_scale_up": 2, "max_scale_down": 2}, 5),
        (0.0, {"max_scale_up": 2, "max_scale_down": 2}, 1),
    ],
)
def test_a_change_goes_no_further_than_its_limit(
    seen: float, limits: dict[str, int], replicas: int
) -> None:
    assert asked(seen, **limits) == replicas


def test_a_limit_holds_from_zero_too() -> None:
    assert asked(9.0, 0, max_scale_up=2) == 2


def test_the_sum_of_tasks_values_shrinks_nothing_while_one_is_lacking() -> None:
    tasks = some_tasks(3)
    assert recommend(PassThrough(), per_task(1.0, None), tasks=tasks).replicas is None
    assert recommend(PassThrough(), per_task(1.0, 1.0), tasks=tasks).replicas is None
    assert recommend(PassThrough(), per_task(), tasks=None).replicas is None
    assert recommend(PassThrough(), per_task(9.0, None), tasks=tasks).replicas == 9
    assert recommend(PassThrough(), per_task(1.0, 1.0, 0.0), tasks=tasks).replicas == 2


def test_a_task_that_does_not_run_is_not_waited_for() -> None:
    tasks = (*some_tasks(2), *some_tasks(3, node_ready=False)[2:])
    assert recommend(PassThrough(), per_task(1.0, 1.0), tasks=tasks).replicas == 2


@pytest.mark.parametrize("words", [{"max_scale_up": -1}, {"max_scale_down": 1.5}, {"max": 1}])
def test_limits_are_whole_numbers_from_zero(words: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PassThrough.model_validate(words)


def test_a_value_without_tasks_is_whole() -> None:
    assert recommend(PassThrough(), value(1.0), tasks=some_tasks(3)).replicas == 1
