"""`target` keeps a metric near a value, as HPA v2 does, and more carefully where it matters."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import Recommendation, Sample, Service, Task, TaskState, TaskValue
from autoscaler.ports import Reading
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import (
    NOW,
    a_service,
    a_task,
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


# average_value of a total


def test_a_total_is_shared_out_at_so_much_a_replica() -> None:
    assert recommend({"average_value": 100}, value(401.0)).replicas == 5


def test_a_total_ignores_which_tasks_are_ready() -> None:
    tasks = some_tasks(3, node_ready=False)
    assert recommend({"average_value": 100}, value(400.0), tasks=tasks).replicas == 4


def test_a_total_of_zero_asks_for_no_replica() -> None:
    assert recommend({"average_value": 100}, value(0.0)).replicas == 0


def test_a_negative_total_asks_for_no_replica() -> None:
    assert recommend({"average_value": 100}, value(-7.0)).replicas == 0


def test_from_zero_a_total_is_shared_out_without_tolerance() -> None:
    assert recommend({"average_value": 100}, value(1.0), replicas=0).replicas == 1
    assert recommend({"average_value": 100}, value(0.0), replicas=0).replicas == 0


# at zero


@pytest.mark.parametrize("strict", [False, True])
def test_without_replicas_a_metric_of_tasks_has_no_say(strict: bool) -> None:
    found = recommend({"average_value": 1, "strict_hpa": strict}, per_task(), 0, tasks=())
    assert found.replicas is None
    assert found.abstains


def test_strict_hpa_measures_the_tasks_that_run_on_whatever_the_spec_says() -> None:
    sample, tasks = per_task(2.0, 4.0), some_tasks(2)
    assert recommend({"average_value": 1}, sample, 0, tasks=tasks).replicas is None
    strict = {"average_value": 1, "strict_hpa": True}
    assert recommend(strict, sample, 0, tasks=tasks).replicas == 6


# value


def test_a_value_above_target_grows_in_proportion() -> None:
    assert recommend({"value": 0.2}, value(0.3)).replicas == 5


def test_a_value_below_target_shrinks_in_proportion() -> None:
    assert recommend({"value": 0.2}, value(0.1), replicas=6).replicas == 3


def test_a_value_is_multiplied_with_the_ready_tasks_only() -> None:
    tasks = (*some_tasks(4), a_task(5, TaskState.STARTING), a_task(6, node_ready=False))
    assert recommend({"value": 10}, value(20.0), replicas=6, tasks=tasks).replicas == 8


def test_without_a_list_of_tasks_the_engines_count_stands_for_the_ready_ones() -> None:
    running = a_service(6, running=4)
    assert recommend({"value": 10}, value(20.0), service=running).replicas == 8
    unknown = a_service(6, running=None)
    assert recommend({"value": 10}, value(20.0), service=unknown).replicas == 12
    surging = a_service(6, running=9)
    assert recommend({"value": 10}, value(20.0), service=surging).replicas == 12


def test_load_above_target_never_shrinks_a_service_with_few_ready_tasks() -> None:
    tasks = (a_task(1), *some_tasks(3, node_ready=False)[1:])
    assert recommend({"value": 4.4}, value(8.6), tasks=tasks).replicas == 3


def test_strict_hpa_shrinks_it_as_kubernetes_would() -> None:
    tasks = (a_task(1), *some_tasks(3, node_ready=False)[1:])
    target = {"value": 4.4, "strict_hpa": True}
    assert recommend(target, value(8.6), tasks=tasks).replicas == 2


def test_a_low_value_shrinks_nothing_while_no_task_is_ready() -> None:
    tasks = some_tasks(3, node_ready=False)
    held = recommend({"value": 10}, value(1.0), tasks=tasks)
    assert held.replicas is None
    assert "no task is ready" in held.reason
    strict = recommend({"value": 10, "strict_hpa": True}, value(1.0), tasks=tasks)
    assert strict.replicas == 0


def test_from_zero_the_ratio_itself_is_the_number_of_replicas() -> None:
    assert recommend({"value": 10}, value(10.0), replicas=0).replicas == 1
    assert recommend({"value": 10}, value(31.0), replicas=0).replicas == 4
    assert recommend({"value": 10}, value(0.0), replicas=0).replicas == 0


def test_a_sum_over_tasks_that_lacks_one_may_grow_a_service_but_not_shrink_it() -> None:
    tasks = some_tasks(3)
    assert recommend({"value": 10}, per_task(2.0, 2.0), tasks=tasks).replicas is None
    assert recommend({"value": 10}, per_task(2.0, 2.0, None), tasks=tasks).replicas is None
    assert recommend({"value": 10}, per_task(10.0, 10.0), tasks=tasks).replicas == 6
    assert recommend({"value": 10}, per_task(2.0, 2.0, 1.0), tasks=tasks).replicas == 2


def test_no_samples_of_tasks_at_all_are_not_a_sum_of_zero() -> None:
    tasks = some_tasks(3)
    assert recommend({"value": 10}, per_task(), tasks=tasks).replicas is None
    assert recommend({"value": 10}, per_task(None, None, None)).replicas is None


# utilization


def test_utilization_of_an_aggregate_is_the_percentage_itself() -> None:
    grown = recommend({"utilization": 70}, value(140.0))
    assert grown.replicas == 6
    assert "140% seen, target 70%: 3 -> 6" in grown.reason


def test_utilization_per_task_is_a_share_of_what_each_may_use() -> None:
    sample = per_task(300.0, 500.0, 700.0, of=1000.0)
    grown = recommend({"utilization": 30}, sample, tasks=some_tasks(3))
    assert grown.replicas == 5
    assert "50% seen" in grown.reason


@pytest.mark.parametrize("stated", [None, 0.0, -1.0])
def test_utilization_needs_a_limit_or_reservation_on_every_task(stated: float | None) -> None:
    values = {
        "task-1": TaskValue(value=5.0, of=10.0),
        "task-2": TaskValue(value=5.0, of=stated),
    }
    sample = Sample(quality=value(0).quality, tasks=values)
    held = recommend({"utilization": 50}, sample, replicas=2, tasks=some_tasks(2))
    assert held.replicas is None
    assert "limit or reservation" in held.reason


@pytest.mark.parametrize(
    ("target", "replicas"), [(50, 3), (100, 2), (150, 2)], ids=["below 100", "100", "above"]
)
def test_a_task_without_a_sample_counts_as_fully_used_when_shrinking(
    target: int, replicas: int
) -> None:
    """In full means what it may use, or the target where that is more, as for HPA."""
    sample = per_task(100.0, 100.0, 100.0, None, of=1000.0)
    shrunk = recommend({"utilization": target}, sample, replicas=4, tasks=some_tasks(4))
    assert shrunk.replicas == replicas


def test_each_task_is_measured_by_what_it_may_use_itself() -> None:
    values = {
        "task-1": TaskValue(value=500.0, of=1000.0),
        "task-2": TaskValue(value=1000.0, of=2000.0),
    }
    sample = Sample(quality=value(0).quality, tasks=values)
    held = recommend({"utilization": 50}, sample, replicas=2, tasks=some_tasks(2))
    assert held.reason == "50% seen, target 50%: no change"


def test_a_base_far_below_a_thousandth_still_counts() -> None:
    sample = per_task(3e-6, 3e-6, of=4e-6)
    grown = recommend({"utilization": 25}, sample, replicas=2, tasks=some_tasks(2))
    assert grown.replicas == 6


# average_value per task


def test_an_average_over_tasks_grows_in_proportion_to_the_tasks_that_count() -> None:
    sample = per_task(20.0, 10.0, 30.0)
    grown = recommend({"average_value": 15}, sample, tasks=some_tasks(3))
    assert grown.replicas == 4
    assert "20 a replica, target 15: 3 -> 4" in grown.reason


def test_without_a_replica_the_reason_tells_what_there_is_for_the_first_one() -> None:
    woken = recommend({"average_value": 10}, value(35), replicas=0)
    assert woken.replicas == 4
    assert woken.reason == "35 seen, target 10: 0 -> 4"


def test_an_average_over_tasks_needs_to_know_the_tasks() -> None:
    held = recommend({"average_value": 15}, per_task(20.0), tasks=None)
    assert held.replicas is None
    assert "not known yet" in held.reason


@pytest.mark.parametrize("sample", [per_task(), per_task(None, None, None)])
def test_an_average_over_tasks_without_samples_says_nothing(sample: Sample) -> None:
    assert recommend({"average_value": 15}, sample, tasks=some_tasks(3)).replicas is None


def test_samples_of_tasks_that_are_no_more_do_not_count() -> None:
    sample = per_task(10.0, 10.0, 10.0, 1e9)
    assert recommend({"average_value": 10}, sample, tasks=some_tasks(3)).replicas == 3


def test_missing_tasks_count_as_idle_when_growing() -> None:
    sample = per_task(30.0, 30.0)
    assert recommend({"average_value": 10}, sample, tasks=some_tasks(3)).replicas == 6


def test_missing_tasks_count_as_on_target_when_shrinking() -> None:
    sample = per_task(2.0, 2.0)
    assert recommend({"average_value": 10}, sample, replicas=4, tasks=some_tasks(4)).replicas == 3


def test_a_missing_task_never_reverses_the_direction() -> None:
    sample = per_task(19.0)
    assert recommend({"average_value": 10}, sample, replicas=2, tasks=some_tasks(2)).replicas == 2


@pytest.mark.parametrize(
    ("sample", "listed", "replicas"),
    [
        (per_task(15.0, None, None), 3, 3),
        (per_task(20.0, 20.0, None), 3, 5),
        (per_task(6.0, 6.0, 6.0, None), 4, 2),
    ],
    ids=["turned round", "above target, yet fewer", "below target, yet more"],
)
def test_what_is_made_up_never_reverses_a_change_for_strict_hpa_either(
    sample: Sample, listed: int, replicas: int
) -> None:
    target = {"average_value": 10, "strict_hpa": True}
    kept = recommend(target, sample, replicas, tasks=some_tasks(listed))
    assert kept.replicas == replicas


def test_nothing_is_made_up_for_missing_tasks_when_the_rest_is_on_target() -> None:
    sample = per_task(10.0, None, None)
    assert recommend({"average_value": 10}, sample, tasks=some_tasks(3)).replicas == 3


def test_unready_tasks_count_as_idle_when_growing_and_not_at_all_when_shrinking() -> None:
    tasks = (*some_tasks(2), a_task(3, TaskState.STARTING))
    assert recommend({"average_value": 10}, per_task(20.0, 20.0), tasks=tasks).replicas == 4
    assert recommend({"average_value": 10}, per_task(5.0, 5.0), tasks=tasks).replicas == 1


def test_a_surge_of_extra_tasks_never_turns_a_low_load_into_growth() -> None:
    sample = per_task(8.0, 8.0, 8.0, 8.0)
    assert recommend({"average_value": 10}, sample, replicas=2, tasks=some_tasks(4)).replicas == 2


def test_idle_tasks_leave_one_that_can_say_when_to_grow_again() -> None:
    sample = per_task(0.0, 0.0, 0.0)
    assert recommend({"average_value": 10}, sample, tasks=some_tasks(3)).replicas == 1
    strict = {"average_value": 10, "strict_hpa": True}
    assert recommend(strict, sample, tasks=some_tasks(3)).replicas == 0


def test_a_young_task_counts_only_once_a_full_window_was_measured() -> None:
    young = a_task(3, created_at=NOW - 90, since=NOW - 80)
    target = {"average_value": 10, "initialization": "2m"}
    tasks = (*some_tasks(2), young)

    def seen(at: float) -> Sample:
        values = {
            task: TaskValue(value=20.0, at=at, window=60.0)
            for task in ("task-1", "task-2", "task-3")
        }
        return Sample(quality=value(0).quality, tasks=values)

    assert recommend(target, seen(at=NOW - 30), tasks=tasks).replicas == 4
    assert recommend(target, seen(at=NOW - 20), tasks=tasks).replicas == 6
