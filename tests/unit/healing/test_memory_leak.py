"""What `memory_leak` finds: a line that leads to the limit, over histories in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.healing.memory_leak import MOST_POINTS, MOST_TASKS, MemoryLeak
from autoscaler.healing.trend import fitted
from autoscaler.model import Finding, Health, Resources, Sample, Service, Task
from autoscaler.testing.builders import NOW, a_service, a_task, per_task, some_tasks, value
from autoscaler.testing.checkups import examine

MIB = 2.0**20
LIMIT = 512 * MIB
SERVICE = a_service(1, limits=Resources(memory_bytes=int(LIMIT)))
RULE = MemoryLeak()
MINUTES = range(61)
"""An hour, a look at each minute."""


def watch(
    use: Callable[[int], float],
    rule: MemoryLeak = RULE,
    minutes: Iterable[int] = MINUTES,
    memory: Any = None,
    service: Service = SERVICE,
    **more: Any,
) -> tuple[Any, Finding | None]:
    """A service whose memory after so many minutes is `use` MiB."""
    finding = None
    for minute in minutes:
        now = NOW + 60.0 * minute
        sample = value(use(minute) * MIB, at=now)
        memory, finding = examine(
            rule, a_task(1), service=service, sample=sample, memory=memory, now=now, **more
        )
    return memory, finding


def test_a_line_that_meets_the_limit_within_the_horizon_is_a_leak() -> None:
    _, finding = watch(lambda minute: 200 + 4 * minute)
    assert finding is not None
    assert finding.state is Health.HEALTHY
    used, growth = f"{440 * MIB:,.0f}", f"{4 * MIB:,.0f}"
    assert finding.reason == (
        f"it uses {used}, grows by {growth} a minute (R squared 1.00)"
        f" and reaches {LIMIT:,.0f} in 18m"
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda minute: 300.0,
        lambda minute: 500 - 2.0 * minute,
        lambda minute: 200 + 1.0 * minute,
        lambda minute: 200 + 280.0 * (minute % 10) / 10,
        lambda minute: 200 + random.Random(minute).uniform(0, 300),
        lambda minute: 480.0 if minute > 30 else 200.0,
    ],
    ids=["level", "falling", "too far off", "swings", "noise", "a step"],
)
def test_what_is_no_leak(use: Callable[[int], float]) -> None:
    memory: Any = None
    for minute in MINUTES:
        memory, finding = watch(use, minutes=[minute], memory=memory)
        assert finding is None, minute


def test_a_noisy_leak_is_a_leak() -> None:
    noise = random.Random(7)
    _, finding = watch(lambda minute: 200 + 4 * minute + noise.gauss(0, 10))
    assert finding is not None
    assert "R squared 0.9" in finding.reason


def test_it_takes_points_enough_over_time_enough() -> None:
    memory: Any = None
    found_at = None
    for minute in MINUTES:
        memory, finding = watch(lambda m: 400 + 3 * m, minutes=[minute], memory=memory)
        if finding is not None and found_at is None:
            found_at = minute
    assert found_at == 30
    few = MemoryLeak(points=20)
    _, finding = watch(lambda m: 400 + 3 * m, rule=few, minutes=range(0, 61, 5))
    assert finding is None


def test_samples_that_do_not_move_are_one_point() -> None:
    memory: Any = None
    for second in range(3600):
        sample = value(500 * MIB, at=NOW)
        memory, finding = examine(
            RULE, a_task(1), service=SERVICE, sample=sample, memory=memory, now=NOW + second
        )
        assert finding is None
    assert memory == {"": [[NOW, 500 * MIB]]}


def test_what_was_before_a_heal_does_not_count() -> None:
    memory, finding = watch(lambda minute: 200 + 4 * minute)
    assert finding is not None
    healed = NOW + 3600
    memory, finding = watch(lambda _: 450, minutes=[61], memory=memory, since=healed)
    assert finding is None
    assert len(memory[""]) == 1


def test_each_task_has_a_line_and_a_limit_of_its_own() -> None:
    memory: Any = None
    for minute in MINUTES:
        now = NOW + 60.0 * minute
        leaking, steady = 100 + 6.0 * minute, 400.0
        sample = per_task(steady * MIB, leaking * MIB, None, of=LIMIT, at=now)
        memory, finding = examine(
            RULE, *some_tasks(3), service=a_service(3), sample=sample, memory=memory, now=now
        )
    assert finding is not None
    assert finding.tasks == ("task-2",)
    assert finding.reason.startswith("task-2 uses")
    assert set(memory) == {"task-1", "task-2"}


def test_a_task_that_is_gone_is_forgotten_and_a_new_one_begins_anew() -> None:
    memory: Any = {"task-9": [[NOW - 60.0, 1.0]]}
    memory, _ = examine(RULE, a_task(1), service=SERVICE, sample=per_task(MIB), memory=memory)
    assert memory == {"task-1": [[NOW, MIB]]}


@pytest.mark.parametrize(
    "sample", [None, Sample(quality=value(0).quality, tasks={})], ids=["none", "of no task"]
)
def test_without_numbers_nothing_is_found(sample: Sample | None) -> None:
    assert examine(RULE, a_task(1), service=SERVICE, sample=sample) == (None, None)


def test_without_a_limit_there_is_nothing_to_reach() -> None:
    memory, finding = watch(lambda minute: 4 * minute, service=a_service(1))
    assert (memory, finding) == (None, None)
    _, finding = watch(
        lambda minute: 4 * minute, service=a_service(1), rule=MemoryLeak(limit=300 * MIB)
    )
    assert finding is not None


def test_memory_is_bounded_for_any_number_of_tasks() -> None:
    tasks: list[Task] = [replace(a_task(n), id=f"t{n:024}") for n in range(100)]
    memory: Any = None
    for second in range(0, 7200, 15):
        values = per_task(*(n * MIB + second for n in range(100)), of=LIMIT, at=NOW + second)
        assert values.tasks is not None
        named = {f"t{n:024}": each for n, each in enumerate(values.tasks.values())}
        sample = replace(values, tasks=named)
        memory, _ = examine(
            RULE, *tasks, service=a_service(100), sample=sample, memory=memory, now=NOW + second
        )
    assert len(memory) == MOST_TASKS
    assert all(len(points) <= MOST_POINTS for points in memory.values())


def test_the_line_is_that_of_least_squares() -> None:
    line = fitted([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [4.0, 5.0]])
    assert line.slope == pytest.approx(1.1)
    assert line.at(0.0) == pytest.approx(0.0)
    assert line.fit == pytest.approx(0.691428571)
    assert line.reaches(11.0) == pytest.approx(10.0)
