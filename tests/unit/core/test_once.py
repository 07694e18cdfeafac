"""One sample is acted on once, however often it is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import Memory, Sample
from autoscaler.testing.builders import (
    NOW,
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    observe,
    per_task,
    some_tasks,
    value,
)

RELATIVE: dict[str, dict[str, Any]] = {
    "step": {"step": {"steps": [{"lower": 200, "change": 3}, {"upper": 50, "change": -3}]}},
    "a value": {"target": {"value": 100, "max_scale_up": 3, "max_scale_down": 3}},
    "a formula": {"formula": {"expression": "replicas + (value - 100) / 100 * 3"}},
}


def watched(metric: dict[str, Any], replicas: int = 6, **behavior: Any) -> Watched:
    asked = {"name": "load", "query": "load", **metric}
    policy = a_policy(metrics=[asked], max=50, behavior={**at_once(), **behavior})
    return Watched(policy, a_service(replicas), a_memory(replicas))


def high(at: float) -> dict[str, Sample]:
    return {"load": value(200.0, at=at)}


@pytest.mark.parametrize("name", RELATIVE)
def test_it_adds_no_more_while_the_sample_stays_the_same(name: str) -> None:
    seen = watched(RELATIVE[name])
    for _ in range(5):
        seen.sees(high(NOW), after=1)
    assert seen.replicas == 9
    decision = seen.sees(high(NOW), after=1)
    assert "this sample asked for 9 before" in decision.reason


@pytest.mark.parametrize("name", RELATIVE)
def test_an_older_sample_that_comes_late_adds_no_more(name: str) -> None:
    seen = watched(RELATIVE[name])
    seen.sees(high(NOW), after=1)
    for age in (5, 50):
        seen.sees(high(NOW - age), after=1)
    assert seen.replicas == 9


def test_samples_of_a_clock_that_was_set_back_add_more() -> None:
    seen = watched(RELATIVE["step"])
    seen.sees(high(NOW), after=1)
    seen.sees(high(NOW - 3600), after=15)
    assert seen.replicas == 12


@pytest.mark.parametrize("name", RELATIVE)
def test_another_sample_adds_more(name: str) -> None:
    seen = watched(RELATIVE[name])
    seen.sees(high(NOW), after=1)
    seen.sees(high(NOW + 15), after=15)
    assert seen.replicas == 12


@pytest.mark.parametrize("name", RELATIVE)
def test_it_removes_no_more_while_the_sample_stays_the_same(name: str) -> None:
    seen = watched(RELATIVE[name], replicas=12)
    for _ in range(5):
        seen.sees({"load": value(0.0, at=NOW)}, after=1)
    assert seen.replicas == 9


def test_what_a_rate_held_back_still_comes() -> None:
    pace = {"policies": [{"replicas": 2, "period": "15s"}]}
    seen = watched({"target": {"value": 100}}, scale_up=pace)
    numbers = []
    for _ in range(4):
        seen.sees(high(NOW), after=15)
        numbers.append(seen.replicas)
    assert numbers == [8, 10, 12, 12]


def test_a_total_that_replicas_share_asks_for_the_same_number_anyway() -> None:
    seen = watched(a_metric("load", average_value=100))
    seen.sees({"load": value(1000.0, at=NOW)}, after=1)
    decision = seen.sees({"load": value(1000.0, at=NOW)}, after=1)
    assert (seen.replicas, decision.wanted) == (10, 10)
    assert "before" not in decision.reason


def test_an_action_that_came_to_nothing_leaves_the_sample_its_say() -> None:
    policy = watched(RELATIVE["step"]).policy
    memory, first = decide(policy, observe(a_service(6), high(NOW)), a_memory(6))
    assert first.action is not None
    _, second = decide(policy, observe(a_service(6), high(NOW), now=NOW + 1), memory)
    assert second.action == first.action


def test_values_of_tasks_count_as_they_come() -> None:
    """The time of one that lags says nothing of the others."""
    seen = watched({"target": {"average_value": 100}})
    for load in (150.0, 200.0):
        there = some_tasks(seen.replicas)
        found = per_task(*[load] * seen.replicas, at=NOW)
        seen.sees({"load": found}, after=15, tasks=there)
    assert seen.replicas == 18


def test_what_a_metric_of_another_name_asked_for_does_not_count() -> None:
    seen = watched(RELATIVE["step"])
    seen.sees(high(NOW), after=1)
    other = {name: asked for name, asked in seen.memory.asked.items() if name != "load"}
    assert not other
    seen.memory = replace(seen.memory, asked={"other": seen.memory.asked["load"]})
    seen.sees(high(NOW), after=1)
    assert seen.replicas == 12


def test_nothing_is_remembered_of_samples_while_nothing_is_done() -> None:
    seen = watched(RELATIVE["step"])
    for number in range(5):
        seen.sees({"load": value(100.0, at=NOW + number)}, after=15)
    assert seen.memory.asked == Memory().asked
