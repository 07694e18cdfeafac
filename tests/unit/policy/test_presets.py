"""Settings that go together, by the kind of load."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from autoscaler.policy import Scale
from autoscaler.policy.presets import PRESETS, Preset
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import a_policy


def scale(**keys: Any) -> Scale:
    found = a_policy(**keys).scale
    assert found is not None
    return found


def target(found: Scale) -> Target:
    strategy = found.metrics[0].strategy
    assert isinstance(strategy, Target)
    return strategy


@pytest.mark.parametrize("name", get_args(Preset))
def test_each_preset_fills_in_pace_and_targets(name: str) -> None:
    assert set(PRESETS) == set(get_args(Preset))
    found = scale(preset=name)
    assert found.behavior != scale().behavior
    assert target(found).look_ahead > 0
    assert target(found).average_value == 100


def test_what_is_stated_comes_before_the_preset() -> None:
    stated = {"scale_down": {"stabilization": "7s"}}
    metric = {"name": "load", "query": "q", "target": {"average_value": 1, "look_ahead": "1s"}}
    found = scale(preset="bursty", behavior=stated, metrics=[metric])
    assert found.behavior.scale_down.stabilization == 7
    assert (
        found.behavior.scale_down.tolerance == scale(preset="bursty").behavior.scale_down.tolerance
    )
    assert (target(found).look_ahead, target(found).spare) == (1, 15)


def test_other_strategies_are_left_alone() -> None:
    step = {"name": "load", "query": "q", "step": {"steps": [{"lower": 1, "change": 1}]}}
    assert scale(preset="steady", metrics=[step]).metrics == scale(metrics=[step]).metrics


@pytest.mark.parametrize(
    "keys",
    [{"preset": "quick"}, {"preset": "steady", "behavior": 3}, {"preset": 3}, {"preset": []}],
)
def test_what_is_wrong_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scale(**keys)
