"""Nomad's strategies with other numbers: seeded cases are held to the formulas themselves."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.conformance import nomad, nomad_oracle

EACH = 400


def case(strategy: str, random: Random, number: int) -> dict[str, Any]:
    count = random.choice((0, 1, 10, 100, random.randint(0, 5000)))
    config = CONFIGS[strategy](random)
    values = [_value(random, count, config) for _ in range(random.choice((0, 1, 5, 6, 20)))]
    metrics = [{"timestamp": None, "value": value} for value in values]
    return {
        "id": f"own/{number}",
        "strategy": strategy,
        "config": config,
        "metrics": metrics,
        "count": count,
        "expected": nomad_oracle.expected(strategy, config, values, count),
        "a_field_nobody_knows": number,
    }


def _value(random: Random, count: int, config: dict[str, str]) -> float:
    near = [float(text) for text in config.values() if text.replace(".", "").isdigit()]
    return random.choice(
        (*near, count, count + 0.9, 0, random.uniform(0, 200), random.randint(0, 99))
    )


def _often(random: Random, **options: str) -> dict[str, str]:
    return {key: text for key, text in options.items() if random.random() < 0.6}


def _whole(random: Random) -> str:
    return random.choice(("0", "1", "3", str(random.randint(0, 50)), "+4", "many", "1.5"))


def _number(random: Random) -> str:
    return random.choice((f"{random.uniform(0, 100):.3f}", "70", "0", "1e2", "0.5", "", "some"))


def _limits(random: Random) -> dict[str, str]:
    whole = {key: _whole(random) for key in ("max_scale_up", "max_scale_down")}
    return {key: text for key, text in whole.items() if random.random() < 0.3}


def _target_value(random: Random) -> dict[str, str]:
    threshold = random.choice(("0", "0.1", "0.5", "0.000001", "little"))
    return {**_often(random, threshold=threshold), "target": _number(random), **_limits(random)}


def _threshold(random: Random) -> dict[str, str]:
    bounds = _often(random, lower_bound=_number(random), upper_bound=_number(random))
    percentage = random.choice(("10", "-30", "0", "33.3", "-150", "much"))
    change = random.choice(
        (
            {"delta": random.choice(("1", "-1", "0", "-700", "1.5"))},
            {"percentage": percentage},
            {"value": _whole(random)},
            {"delta": "1", "value": "2"},
            {},
        )
    )
    trigger = random.choice(("0", "1", "5", "6", "-1", "few"))
    return {**bounds, **change, **_often(random, within_bounds_trigger=trigger)}


CONFIGS: dict[str, Any] = {
    "target-value": _target_value,
    "threshold": _threshold,
    "pass-through": _limits,
    "fixed-value": lambda random: _often(random, value=_whole(random)),
}


@pytest.mark.parametrize("strategy", CONFIGS)
def test_other_numbers_are_answered_as_the_formulas_say_or_for_a_written_reason(
    strategy: str,
) -> None:
    random = Random(3)
    cases = [case(strategy, random, number) for number in range(EACH)]
    judged = [nomad.judge("strategy_cases", one) for one in cases]
    unexplained = [one for one in judged if one.differences and not one.rule]
    assert unexplained == []
    assert sum(not one.differences for one in judged) > EACH / 2
