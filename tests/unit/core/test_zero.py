"""Scaling to zero and back: by activation, and never against a person who switched it off."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler import records
from autoscaler.decide import decide, recall
from autoscaler.model import Memory
from autoscaler.testing.builders import (
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    observe,
    per_task,
    some_tasks,
    unknown,
    value,
)

QUEUE = {**a_metric("queue", average_value=10), "activation": 5}
CPU = a_metric("cpu", utilization=70)


def watched(replicas: int = 2, **scale: Any) -> Watched:
    words = {"min": 0, "behavior": at_once(), "metrics": [QUEUE], **scale}
    return Watched(a_policy(**words), a_service(replicas), a_memory(replicas))


def restarted(service: Watched) -> None:
    """What a new process knows: what was stored."""
    stored = records.load_memory(records.dump(service.memory))
    service.memory = recall.awake(stored, service.now, service.now + 5)


# activation


@pytest.mark.parametrize(("queue", "replicas"), [(5.0, 0), (5.1, 1), (6.0, 1), (35.0, 4)])
@pytest.mark.parametrize("current", [0, 2])
def test_up_to_its_activation_a_metric_asks_for_nothing_and_above_it_for_one_at_least(
    queue: float, replicas: int, current: int
) -> None:
    service = watched(current)
    service.memory = a_memory(current, zeroed=current == 0)
    service.sees({"queue": value(queue)})
    assert service.replicas == replicas


def test_an_activation_tells_what_it_makes_of_a_metric() -> None:
    decision = watched(2).sees({"queue": value(3.0)})
    assert decision.reason == "queue: 3 does not exceed the activation 5"
    lacking = watched(2).sees({"queue": per_task(1.0, None)}, tasks=some_tasks(2))
    (found,) = lacking.recommendations
    assert (found.replicas, found.reason) == (None, "1 of its tasks gave no sample")


def test_above_its_activation_a_metric_that_asks_for_nothing_asks_for_one() -> None:
    negative = {**a_metric("queue", average_value=10), "activation": -5}
    service = watched(2, metrics=[negative])
    decision = service.sees({"queue": value(0.0)})
    assert service.replicas == 1
    assert decision.reason == "queue: 0 a replica, target 10: 2 -> 0; active above zero"


def test_without_an_activation_the_strategy_alone_decides() -> None:
    service = watched(2, metrics=[a_metric("queue", average_value=10)])
    assert service.sees({"queue": value(1.0)}).wanted == 1
    assert service.sees({"queue": value(0.0)}).wanted == 0


def test_with_a_minimum_above_zero_the_activation_has_no_say() -> None:
    eager = {**a_metric("queue", average_value=1), "activation": 5}
    service = watched(2, metrics=[eager], min=1)
    assert service.sees({"queue": value(4.0)}).wanted == 4
    assert watched(2, metrics=[eager]).sees({"queue": value(4.0)}).wanted == 0


def test_a_window_that_forbids_zero_takes_the_activations_say() -> None:
    eager = {**a_metric("queue", average_value=1), "activation": 5}
    office = {"name": "office", "cron": "0 8 * * *", "duration": "10h", "min": 1}
    service = watched(2, metrics=[eager], schedules=[office])
    assert service.sees({"queue": value(4.0)}, windows=("office",)).wanted == 4
    assert service.sees({"queue": value(4.0)}).wanted == 0


def test_a_service_rests_only_when_no_metric_is_active() -> None:
    other = {**a_metric("other", average_value=10), "activation": 0}
    service = watched(2, metrics=[QUEUE, other])
    assert service.sees({"queue": value(0.0), "other": value(1.0)}).wanted == 1
    assert service.sees({"queue": value(0.0), "other": value(0.0)}).wanted == 0


def test_unknown_is_not_inactive() -> None:
    service = watched(2)
    assert service.sees({"queue": unknown()}).held_by == "missing_data"
    parts = {**a_metric("queue"), "activation": 5}
    service = watched(2, metrics=[parts])
    for sample in (per_task(None, None), per_task(1.0, None), per_task(1.0), per_task()):
        decision = service.sees({"queue": sample}, tasks=some_tasks(2))
        assert (decision.action, decision.held_by) == (None, "missing_data")


def test_going_to_zero_waits_for_the_window_of_shrinking_as_any_shrink() -> None:
    slow = {**at_once(), "scale_down": {"stabilization": "5m"}}
    service = watched(2, behavior=slow)
    service.sees({"queue": value(20.0)})
    assert service.sees({"queue": value(0.0)}).held_by == "stabilization"
    service.sees({"queue": value(0.0)}, after=299)
    assert service.replicas == 0


# who set it to zero


def test_zero_that_we_set_is_left_as_soon_as_there_is_work() -> None:
    service = watched(2)
    service.sees({"queue": value(0.0)})
    assert (service.replicas, service.memory.zeroed) == (0, True)
    assert service.sees({"queue": value(0.0)}).held_by is None
    service.sees({"queue": value(35.0)})
    assert (service.replicas, service.memory.zeroed) == (4, False)


def test_zero_that_we_set_is_known_as_ours_after_a_restart() -> None:
    service = watched(2)
    service.sees({"queue": value(0.0)})
    restarted(service)
    service.sees({"queue": value(35.0)})
    assert service.replicas == 4


def test_zero_that_a_person_set_is_a_switch_also_after_a_restart() -> None:
    service = watched(2)
    service.sees({"queue": value(20.0)})
    service.has(0)
    assert service.sees({"queue": value(35.0)}).held_by == "switched_off"
    restarted(service)
    assert service.sees({"queue": value(35.0)}, after=100_000).held_by == "switched_off"


def test_zero_that_a_person_set_while_we_were_away_is_a_switch() -> None:
    service = watched(2)
    service.sees({"queue": value(20.0)})
    restarted(service)
    service.has(0)
    assert service.sees({"queue": value(35.0)}, after=3600).held_by == "switched_off"


def test_a_person_ends_the_switch_by_starting_the_service() -> None:
    service = watched(2)
    service.has(0)
    service.sees({"queue": value(35.0)})
    service.has(1)
    assert service.sees({"queue": value(35.0)}).held_by == "manual_change"
    service.sees({"queue": value(35.0)}, after=300)
    assert service.replicas == 4


@pytest.mark.parametrize(
    ("low", "windows", "held_by"),
    [(0, (), None), (1, (), "switched_off"), (1, ("night",), None), (2, (), "switched_off")],
)
def test_zero_at_first_sight_is_ours_where_the_bounds_allow_it(
    low: int, windows: tuple[str, ...], held_by: str | None
) -> None:
    night = {"name": "night", "cron": "0 22 * * *", "duration": "8h", "min": 0}
    policy = a_policy(min=low, metrics=[QUEUE], schedules=[night], behavior=at_once())
    seen = observe(a_service(0), {"queue": value(35.0)}, windows=windows)
    _, decision = decide(policy, seen, Memory())
    assert decision.held_by == held_by
    assert (decision.action is None) == (held_by is not None)


# metrics of tasks


def test_at_zero_a_metric_of_tasks_has_no_opinion_and_misses_nothing() -> None:
    service = watched(0, metrics=[CPU])
    service.memory = a_memory(0, zeroed=True)
    decision = service.sees({"cpu": per_task()}, tasks=())
    assert (decision.action, decision.held_by, decision.wanted) == (None, None, None)
    assert "without replicas there is nothing to measure" in decision.reason
    assert service.memory.missing_since is None


def test_at_zero_a_queue_wakes_a_service_that_is_scaled_by_its_cpu_too() -> None:
    service = watched(0, metrics=[CPU, QUEUE])
    service.memory = a_memory(0, zeroed=True)
    service.sees({"cpu": per_task(), "queue": value(12.0)}, tasks=())
    assert service.replicas == 2


def test_a_service_that_has_replicas_is_not_at_zero() -> None:
    service = watched(3)
    service.memory = a_memory(3, zeroed=True)
    service.sees({"queue": value(30.0)})
    assert not service.memory.zeroed
