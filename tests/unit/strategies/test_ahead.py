"""Looking ahead along a metric that rises."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import Sample
from autoscaler.ports import Reading
from autoscaler.strategies.ahead import look
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import NOW, a_service, observe, per_task, some_tasks, value


def reading(sample: Sample, seconds: float = 0.0, replicas: int = 1) -> Reading:
    seen = observe(a_service(replicas), now=NOW + seconds, tasks=some_tasks(replicas))
    return Reading(name="load", sample=sample, observation=seen)


def ahead(seconds: int) -> Target:
    return Target.model_validate({"average_value": 100, "look_ahead": f"{seconds}s"})


def led(strategy: Target, *totals: float, every: float = 5.0) -> tuple[Any, int | None]:
    memory, replicas = None, None
    for number, total in enumerate(totals):
        at = NOW + number * every
        memory, found = strategy.step(memory, reading(value(total, at), number * every))
        replicas = found.replicas
    return memory, replicas


def test_a_metric_that_rises_is_taken_where_it_will_be() -> None:
    rising = [100.0 + 50 * number for number in range(30)]
    assert led(ahead(20), *rising)[1] == 18  # 1550 + 20 s of 10 a second = 1750
    assert led(Target(average_value=100), *rising)[1] == 16


def test_a_metric_that_falls_is_taken_as_it_is() -> None:
    assert led(ahead(20), 500, 420, 340)[1] == led(ahead(20), 340)[1] == 4


def test_noise_is_smoothed_before_it_asks_for_replicas() -> None:
    draw = random.Random(1)
    noisy = [draw.gauss(450, 40) for _ in range(200)]
    asked = {led(ahead(20), *noisy[:count])[1] for count in range(150, 200)}
    assert len(asked) < len({led(Target(average_value=100), each)[1] for each in noisy[150:]})


def test_a_zero_among_the_noise_of_few_events_is_noise() -> None:
    few = [100.0, 0.0, 200.0, 100.0, 300.0, 0.0, 100.0] * 10
    assert (led(ahead(20), *few, 100.0, 0.0)[1] or 0) >= 1


def test_the_same_measurement_counts_once() -> None:
    target = ahead(4)
    memory, _ = led(target, 1, 2, 3, 4)
    again, _ = target.step(memory, reading(value(4.0, NOW + 15.0), 18.0))
    assert again == memory


def test_values_of_tasks_rise_in_proportion() -> None:
    memory, found = None, reading(per_task(at=NOW), replicas=2)
    for n in range(20):
        sample = per_task(10.0 * n, 30.0 * n, None, at=NOW + 10 * n)
        memory, found = look(memory, reading(sample, 10.0 * n, 3), 10.0)
    tasks = found.sample.tasks or {}
    first, second, third = (tasks[f"task-{n}"].value for n in (1, 2, 3))
    assert first == pytest.approx(200.0, rel=0.02)
    assert second == pytest.approx(3 * (first or 0.0))
    assert third is None


def raised(of: Callable[[int], Sample]) -> float:
    """Where a metric is seen to go after twenty samples, ten seconds apart."""
    memory, found = None, reading(of(0))
    for n in range(20):
        memory, found = look(memory, reading(of(n), 10.0 * n, 2), 10.0)
    return found.total


def test_small_numbers_rise_as_large_ones_do() -> None:
    tasks = raised(lambda n: per_task(0.1 * n, 0.1 * n, at=NOW + 10 * n))
    assert tasks == pytest.approx(2 * raised(lambda n: value(0.1 * n, NOW + 10 * n)))
    assert tasks == pytest.approx(raised(lambda n: value(200.0 * n, NOW + 10 * n)) / 1000)
    assert tasks == pytest.approx(4.0, rel=0.02)


def test_what_is_not_above_zero_is_taken_as_it_is() -> None:
    for sample in (value(-3.0, NOW), value(0.0, NOW), per_task(0.0, 0.0, at=NOW)):
        same = reading(sample, replicas=2)
        assert look(None, same, 10.0)[1] is same
    memory, _ = look(None, reading(per_task(-9.0, -9.0, at=NOW), replicas=2), 60.0)
    idle = reading(per_task(0.0, 0.0, at=NOW + 10), 10.0, 2)
    assert look(memory, idle, 60.0)[1] is idle


def test_values_of_tasks_that_are_too_small_to_move_are_taken_as_they_are() -> None:
    memory = None
    for n in range(5):
        busy = reading(per_task(100.0 + 20 * n, 90.0, at=NOW + 10 * n), 10.0 * n, 2)
        memory, _ = look(memory, busy, 60.0)
    tiny = reading(per_task(5e-324, 0.0, at=NOW + 50), 50.0, 2)
    assert look(memory, tiny, 60.0)[1] is tiny


def test_the_reason_tells_that_it_looks_ahead() -> None:
    target = ahead(20)
    _, found = target.step(None, reading(value(250.0)))
    assert found.reason == "250 a replica, target 100, 20 s ahead: 1 -> 3"


def test_spare_replicas_come_with_those_that_are_added_and_with_no_others() -> None:
    target = Target(average_value=100, spare=20)
    assert target.step(None, reading(value(1000.0)))[1].replicas == 12
    assert target.step(None, reading(value(100.0)))[1].replicas == 1
    assert target.step(None, reading(value(100.0), replicas=3))[1].replicas == 1
