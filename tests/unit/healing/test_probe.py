"""What `probe` finds: values out of bounds, of tasks or of the whole service."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.healing.probe import Probe
from autoscaler.model import Health, Sample, TaskState
from autoscaler.testing.builders import NOW, a_healer, a_task, per_task, some_tasks, value
from autoscaler.testing.checkups import found

ALIVE = Probe(min=1.0)


@pytest.mark.parametrize(
    ("rule", "number", "reason"),
    [
        (Probe(max=5.0), 6.0, "6 is above 5"),
        (Probe(max=5.0), 5.0, None),
        (Probe(min=1.0), 0.0, "0 is below 1"),
        (Probe(min=1.0), 1.0, None),
        (Probe(min=1.0, max=5.0), 3.0, None),
    ],
)
def test_a_value_out_of_bounds_fails(rule: Probe, number: float, reason: str | None) -> None:
    finding = found(rule, a_task(1), sample=value(number))
    assert (finding and finding.reason) == reason
    assert finding is None or finding.state is Health.DEGRADED


def test_each_task_is_judged_by_its_own_value() -> None:
    finding = found(ALIVE, *some_tasks(3), sample=per_task(1.0, 0.0, 1.0))
    assert finding is not None
    assert (finding.state, finding.tasks) == (Health.DEGRADED, ("task-2",))
    assert finding.reason == "1 of 3 tasks fail: task-2: 0 is below 1"
    finding = found(ALIVE, *some_tasks(2), sample=per_task(0.0, 0.0))
    assert finding is not None
    assert finding.state is Health.UNHEALTHY


@pytest.mark.parametrize(
    "sample",
    [per_task(None, None), per_task(1.0), per_task(1.0, None), None],
    ids=["no task answers", "one is not in it", "one gave no sample", "no sample"],
)
def test_a_task_without_a_value_is_not_known_to_fail(sample: Sample | None) -> None:
    assert found(ALIVE, *some_tasks(2), sample=sample) is None


def test_as_many_tasks_must_fail_as_the_policy_says() -> None:
    rule = Probe(min=1.0, failing=2)
    assert found(rule, *some_tasks(3), sample=per_task(0.0, 1.0, 1.0)) is None
    assert found(rule, *some_tasks(3), sample=per_task(0.0, 0.0, 1.0)) is not None


@pytest.mark.parametrize(("since", "fails"), [(NOW - 29.0, False), (NOW - 30.0, True)])
def test_what_has_just_started_is_not_judged(since: float, fails: bool) -> None:
    young = a_task(1, since=since)
    assert (found(ALIVE, young, sample=per_task(0.0)) is not None) is fails
    assert (found(ALIVE, a_task(1), sample=value(0.0), since=since) is not None) is fails


def test_a_task_that_does_not_run_has_nothing_to_probe() -> None:
    stopped = a_task(1, TaskState.SHUTDOWN, desired=TaskState.SHUTDOWN)
    assert found(ALIVE, stopped, sample=per_task(0.0)) is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "state min, max or both"),
        ({"min": 3, "max": 2}, "min: 3 is above max: 2"),
        ({"min": 1, "url": "x"}, "unknown key 'url'"),
        ({"min": 1, "source": "sibyl"}, "no sources plugin 'sibyl'"),
    ],
)
def test_a_mistake_is_told_when_the_policy_is_loaded(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        a_healer({"rule": "probe", "query": "up", "then": "notify", **options})


def test_it_needs_a_question() -> None:
    with pytest.raises(ValidationError, match="query"):
        a_healer({"rule": "probe", "min": 1, "then": "notify"})
