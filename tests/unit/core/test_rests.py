"""What a service is left alone for: cooldowns, work in progress, and tasks that warm up."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler import records
from autoscaler.decide import recall
from autoscaler.model import Quality, Sample, TaskValue
from autoscaler.ports import Reading
from autoscaler.strategies.grouping import is_warming
from autoscaler.strategies.target import Target, ready_replicas
from autoscaler.testing.builders import (
    NOW,
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    a_task,
    at_once,
    observe,
    partial,
    per_task,
    some_tasks,
    unknown,
    value,
)

LOW, HIGH, HIGHER = {"load": value(100.0)}, {"load": value(700.0)}, {"load": value(900.0)}


def watched(replicas: int = 5, **scale: Any) -> Watched:
    policy = a_policy(**{"behavior": at_once(), **scale})
    return Watched(policy, a_service(replicas), a_memory(replicas))


# cooldowns after a change of ours


def test_after_a_change_of_ours_each_direction_rests_for_its_own_time() -> None:
    service = watched(cooldown={"up": "1m", "down": "5m"})
    service.sees(HIGH)
    assert service.sees(HIGHER, after=59).held_by == "cooldown"
    assert service.sees(LOW).held_by == "cooldown"
    service.sees(HIGHER, after=1)
    assert service.replicas == 9
    assert service.sees(LOW, after=299).held_by == "cooldown"
    service.sees(LOW, after=1)
    assert service.replicas == 1


def test_the_time_to_go_is_told() -> None:
    service = watched(cooldown={"down": "5m"})
    service.sees(HIGH)
    assert service.sees(LOW, after=60).reason.endswith(
        "cooldown: 240 s to go since the last change"
    )


def test_by_default_nothing_rests() -> None:
    service = watched()
    service.sees(HIGH)
    service.sees(LOW, after=1)
    assert service.replicas == 1


def test_a_rest_is_kept_over_a_restart() -> None:
    service = watched(cooldown={"up": "10m"})
    service.sees(HIGH)
    stored = records.load_memory(records.dump(service.memory))
    service.memory = recall.awake(stored, service.now, service.now + 120)
    assert service.sees(HIGHER, after=120).held_by == "cooldown"
    service.sees(HIGHER, after=480)
    assert service.replicas == 9


def test_the_longest_rest_is_remembered_for_long_enough() -> None:
    service = watched(cooldown={"up": "30m"})
    service.sees(HIGH)
    assert service.sees(HIGHER, after=1799.9).held_by == "cooldown"
    assert service.sees(HIGHER, after=0.1).action is not None


def test_bounds_are_kept_in_spite_of_a_rest() -> None:
    service = watched(cooldown={"up": "30m", "down": "30m"})
    service.sees(HIGH)
    service.policy = a_policy(max=6, cooldown={"up": "30m", "down": "30m"})
    service.sees(HIGH)
    assert service.replicas == 6


def test_what_a_dry_run_would_have_done_starts_no_rest() -> None:
    service = watched(cooldown={"up": "10m"})
    active = service.policy
    service.policy = a_policy(
        policy={"mode": "dry-run"}, behavior=at_once(), cooldown={"up": "10m"}
    )
    assert service.sees(HIGH).held_by == "dry_run"
    service.policy = active
    assert service.sees(HIGH).action is not None


# work in progress


JOBS: dict[str, Any] = {"hold_down_while": [{"name": "jobs", "query": "jobs_running"}]}


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        (value(2.0), "jobs is 2"),
        (value(0.001), "jobs is 0.001"),
        (value(-1.0), "jobs is -1"),
        (partial(3.0), "jobs is 3"),
        (partial(0.0), "jobs is not known: partial: a store did not answer"),
        (per_task(0.0, 4.0), "jobs is 4"),
        (None, "jobs is not known: not asked yet"),
        (unknown(), "jobs is not known: no data"),
        (unknown(Quality.STALE), "jobs is not known: stale"),
        (value(float("nan")), "jobs is not known: its value is not a finite number"),
        (Sample(quality=Quality.VALUE), "jobs is not known: its value is not a finite number"),
        (per_task(0.0, None), "jobs is not known: 1 of its tasks gave no sample"),
        (per_task(), "jobs is not known: all of its tasks gave no sample"),
    ],
    ids=repr,
)
def test_nothing_shrinks_while_there_is_work_or_while_that_is_not_known(
    jobs: Sample | None, told: str
) -> None:
    service = watched(**JOBS)
    holds = {} if jobs is None else {"jobs": jobs}
    decision = service.sees(LOW, holds=holds)
    assert (decision.action, decision.held_by) == (None, "busy")
    assert decision.reason.endswith(f"busy: {told}")
    service.sees(HIGH, holds=holds)
    assert service.replicas == 7


@pytest.mark.parametrize("jobs", [value(0.0), value(-0.0), per_task(0.0, 0.0)], ids=repr)
def test_without_work_it_shrinks(jobs: Sample) -> None:
    assert watched(**JOBS).sees(LOW, holds={"jobs": jobs}).action is not None


def test_each_of_several_conditions_holds() -> None:
    two = [*JOBS["hold_down_while"], {"name": "uploads", "query": "uploads"}]
    service = watched(hold_down_while=two)
    decision = service.sees(LOW, holds={"jobs": value(0.0), "uploads": value(1.0)})
    assert decision.reason.endswith("busy: uploads is 1")


def test_what_is_above_the_max_goes_in_spite_of_work() -> None:
    service = watched(12, **JOBS)
    service.sees(LOW, holds={"jobs": value(2.0)})
    assert service.replicas == 10


# warming up


def young(number: int, age: float) -> Any:
    return a_task(number, since=NOW - age, created_at=NOW - age)


def asked(target: dict[str, Any], sample: Sample, warm_up: float, *tasks: Any) -> int | None:
    seen = observe(a_service(len(tasks)), tasks=tasks)
    reading = Reading(name="load", sample=sample, observation=seen, warm_up=warm_up)
    return Target.model_validate(target).step(None, reading)[1].replicas


def test_a_task_that_warms_up_counts_as_idle_when_growing() -> None:
    tasks = (*some_tasks(2), young(3, 59), young(4, 59))
    sample = per_task(20.0, 20.0, 20.0, 20.0)
    assert asked({"average_value": 10}, sample, 60.0, *tasks) == 4
    assert asked({"average_value": 10}, sample, 59.0, *tasks) == 8


def test_a_task_that_warms_up_does_not_count_when_shrinking() -> None:
    tasks = (*some_tasks(2), young(3, 10))
    sample = per_task(5.0, 5.0, 50.0)
    assert asked({"average_value": 10}, sample, 60.0, *tasks) == 1
    assert asked({"average_value": 10}, sample, 0.0, *tasks) == 6


def test_a_value_is_multiplied_with_the_tasks_that_are_warm() -> None:
    tasks = (*some_tasks(2), young(3, 10))
    assert asked({"value": 10}, value(20.0), 60.0, *tasks) == 4
    assert asked({"value": 10}, value(20.0), 0.0, *tasks) == 6


def test_a_task_without_a_sample_is_not_missed_while_it_warms_up() -> None:
    tasks = (*some_tasks(2), young(3, 10))
    values = {"task-1": TaskValue(value=5.0), "task-2": TaskValue(value=5.0)}
    sample = Sample(quality=Quality.VALUE, tasks=values)
    assert asked({"average_value": 10}, sample, 60.0, *tasks) == 1
    assert asked({"average_value": 10}, sample, 0.0, *tasks) == 2


def test_a_service_that_warms_up_as_a_whole_is_not_judged_yet() -> None:
    tasks = (young(1, 10), young(2, 10))
    assert asked({"average_value": 10}, per_task(1.0, 1.0), 60.0, *tasks) is None
    assert asked({"value": 10}, value(1.0), 60.0, *tasks) is None


def test_without_a_warm_up_a_swarm_whose_clock_is_ahead_makes_no_task_unready() -> None:
    ahead = a_task(1, since=NOW + 2, created_at=NOW + 2)
    assert not is_warming(ahead, NOW, 0.0)
    assert is_warming(ahead, NOW, 1.0)
    seen = observe(a_service(1), tasks=(ahead,))
    assert ready_replicas(Reading(name="load", sample=value(1.0), observation=seen)) == 1


def test_the_policys_warm_up_reaches_its_metrics() -> None:
    tasks = (*some_tasks(2), young(3, 10))
    for warm_up, replicas in (("1m", 4), ("0s", 6)):
        service = watched(3, warm_up=warm_up, metrics=[a_metric(value=10)])
        service.sees({"load": value(20.0)}, after=0, tasks=tasks)
        assert service.replicas == replicas
