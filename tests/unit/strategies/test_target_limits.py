"""`target` as Nomad's `target-value`: limits to a change, factors, small differences."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import Sample
from autoscaler.ports import Reading
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import a_service, observe, per_task, some_tasks, value


def asked(
    target: dict[str, Any], sample: Sample, replicas: int = 4, tolerance: float = 0.1
) -> int | None:
    seen = observe(a_service(replicas), tasks=some_tasks(replicas))
    reading = Reading(
        name="load",
        sample=sample,
        observation=seen,
        tolerance_up=tolerance,
        tolerance_down=tolerance,
    )
    return Target.model_validate(target).step(None, reading)[1].replicas


TARGETS = [
    ({"value": 100}, value(400.0), value(25.0)),
    ({"average_value": 100}, value(1600.0), value(100.0)),
    ({"utilization": 100}, value(400.0), value(25.0)),
    ({"average_value": 100}, per_task(*[400.0] * 4), per_task(*[25.0] * 4)),
    ({"utilization": 50}, per_task(*[2.0] * 4, of=1.0), per_task(*[0.125] * 4, of=1.0)),
    ({"value": 100, "strict_hpa": True}, value(400.0), value(25.0)),
]


@pytest.mark.parametrize(("target", "high", "low"), TARGETS)
def test_a_change_goes_no_further_than_its_limit(
    target: dict[str, Any], high: Sample, low: Sample
) -> None:
    assert (asked(target, high), asked(target, low)) == (16, 1)
    assert asked({**target, "max_scale_up": 2}, high) == 6
    assert asked({**target, "max_scale_up": 2}, low) == 1
    assert asked({**target, "max_scale_down": 2}, low) == 2
    assert asked({**target, "max_scale_down": 2}, high) == 16
    assert asked({**target, "max_scale_up": 0, "max_scale_down": 0}, high) == 4


def test_with_a_target_of_zero_the_metric_is_the_factor() -> None:
    assert asked({"value": 0}, value(3.0)) == 12
    assert asked({"value": 0}, value(0.5)) == 2
    assert asked({"value": 0}, value(1.1)) == 4
    assert asked({"value": 0}, value(3.0), replicas=0) == 3
    assert asked({"value": 0}, value(0.0), replicas=0) == 0


def test_the_reason_tells_a_factor_from_a_value() -> None:
    seen = Reading(name="load", sample=value(1.5), observation=observe(a_service(4)))
    _, found = Target.model_validate({"value": 0}).step(None, seen)
    assert found.reason == "1.5 seen, a factor: 4 -> 6"


@pytest.mark.parametrize("target", [{"value": 5}, {"utilization": 5}, {"average_value": 5}])
def test_a_difference_of_two_millionths_is_seen_where_the_tolerance_lets_it(
    target: dict[str, Any],
) -> None:
    total = 8 if "average_value" in target else 1
    above, below = value(5.00001 * total), value(4.9999 * total)
    assert asked(target, above, 8, tolerance=1e-6) == 9
    assert asked(target, below, 8, tolerance=1e-6) == 8
    assert asked({**target, "strict_hpa": True}, above, 8, tolerance=1e-6) == 8


@pytest.mark.parametrize("strict", [True, False])
def test_factors_are_binary_fractions_as_they_are_for_kubernetes_and_nomad(strict: bool) -> None:
    # 1.1 is a little more than eleven tenths.
    target = {"value": 100, "strict_hpa": strict}
    assert asked(target, value(110.0), 100, tolerance=0.0) == 111
