"""`target` has a dead band, takes numbers of any size, and refuses options that make no sense."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Recommendation, Sample, Service, Task
from autoscaler.ports import Reading
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import (
    a_service,
    observe,
    per_task,
    some_tasks,
    value,
)


def recommend(
    target: dict[str, Any],
    sample: Sample,
    replicas: int = 3,
    tasks: tuple[Task, ...] | None = None,
    service: Service | None = None,
    **tolerances: float,
) -> Recommendation:
    reading = Reading(
        name="load",
        sample=sample,
        observation=observe(service or a_service(replicas), tasks=tasks),
        **tolerances,
    )
    memory, recommendation = Target.model_validate(target).step(None, reading)
    assert memory is None
    return recommendation


# tolerance


@pytest.mark.parametrize(
    ("seen", "replicas"),
    [(110.0, 10), (110.1, 12), (90.0, 10), (89.9, 9), (100.0, 10)],
)
def test_both_edges_of_the_tolerance_belong_to_it(seen: float, replicas: int) -> None:
    assert recommend({"value": 100}, value(seen), replicas=10).replicas == replicas


@pytest.mark.parametrize(
    ("target", "sample"),
    [
        ({"value": 100}, value(120.0)),
        ({"average_value": 100}, value(1200.0)),
        ({"utilization": 100}, value(120.0)),
        ({"average_value": 100}, per_task(*[120.0] * 10)),
        ({"utilization": 100}, per_task(*[120.0] * 10, of=100.0)),
    ],
)
def test_each_direction_has_a_tolerance_of_its_own(target: Any, sample: Sample) -> None:
    tasks = some_tasks(10)
    wide = recommend(target, sample, 10, tasks, tolerance_up=0.2, tolerance_down=0.0)
    narrow = recommend(target, sample, 10, tasks, tolerance_up=0.19, tolerance_down=0.9)
    assert (wide.replicas, narrow.replicas) == (10, 12)


def test_a_tolerance_of_nothing_still_holds_what_is_on_target() -> None:
    exact = recommend({"value": 3}, value(3.0), tolerance_up=0.0, tolerance_down=0.0)
    assert exact.replicas == 3


# numbers at their ends


@pytest.mark.parametrize("seen", [1e300, 1.7e308])
def test_huge_loads_ask_for_as_many_replicas_as_can_be_counted(seen: float) -> None:
    assert recommend({"average_value": 0.001}, value(seen)).replicas == 2**31 - 1
    assert recommend({"value": 0.001}, value(seen)).replicas == 2**31 - 1
    tasks = some_tasks(3)
    grown = recommend({"average_value": 0.001}, per_task(seen, seen, seen), tasks=tasks)
    assert grown.replicas == 2**31 - 1


@pytest.mark.parametrize("goal", [5e-324, 1e-300, 1e-9, 1.0, 1e9, 1.7e18, 1e300])
@pytest.mark.parametrize("strict", [False, True])
def test_any_positive_target_can_be_reckoned_with(goal: float, strict: bool) -> None:
    for target in ({"average_value": goal}, {"value": goal}):
        replicas = recommend({**target, "strict_hpa": strict}, value(0.0)).replicas
        assert replicas == 0


@pytest.mark.parametrize("goal", [1e-9, 1e-4, 0.25, 7.0, 5e9, 1.7e18])
def test_small_and_large_targets_keep_their_precision(goal: float) -> None:
    assert recommend({"value": goal}, value(goal * 2), replicas=4).replicas == 8
    assert recommend({"value": goal}, value(goal / 2), replicas=4).replicas == 2
    assert recommend({"average_value": goal}, value(goal * 7), replicas=4).replicas == 7


# the options


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"value": 1, "utilization": 50},
        {"average_value": 0},
        {"value": 0, "strict_hpa": True},
        {"value": -1},
        {"average_value": float("nan")},
        {"average_value": float("inf")},
        {"utilization": 0},
        {"utilization": 50.5},
        {"value": 1, "initialization": "-5s"},
        {"value": 1, "initialisation": "5s"},
    ],
)
def test_a_target_that_is_not_one_positive_number_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Target.model_validate(options)
