"""`formula` reckons replicas from named metrics."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Quality, Recommendation, Sample
from autoscaler.strategies import arithmetic
from autoscaler.strategies.formula import Formula
from autoscaler.strategies.only_input import OnlyInput
from autoscaler.testing.builders import a_policy, per_task, some_tasks, unknown, value
from tests.unit.strategies.readings import recommend


def asked(expression: str, seen: float = 400.0, replicas: int = 3, **samples: Any) -> int | None:
    return said(expression, seen, replicas, samples=samples).replicas


def said(expression: str, sample: Any, replicas: int = 3, **seen: Any) -> Recommendation:
    return recommend(Formula.model_validate(expression), sample, replicas, **seen)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("(1 + 2) * 3", 9.0),
        ("7 // 2 + 7 % 2", 4.0),
        ("-a + +b", 1.0),
        ("abs(0 - 3)", 3.0),
        ("ceil(1.2) + floor(1.8) + round(1.6)", 5.0),
        ("sqrt(16)", 4.0),
        ("min(3, 1, 2) + max(1, 3, 2)", 4.0),
        ("clamp(9, 1, 5) + clamp(0, 1, 5)", 6.0),
        ("a < b", 1.0),
        ("a >= b", 0.0),
        ("a == 2", 1.0),
        ("a != 2", 0.0),
        ("5 if a > b else 7", 7.0),
        ("a and 0", 0.0),
        ("0 or b", 1.0),
        ("not a", 0.0),
        ("1e3", 1000.0),
        ("a\n + b", 5.0),
    ],
)
def test_an_expression_has_the_value_that_it_has_on_paper(expression: str, result: float) -> None:
    # Within brackets a line may end, as anywhere.
    assert arithmetic.read(f"({expression})").evaluate({"a": 2.0, "b": 3.0}) == result


@pytest.mark.parametrize(
    ("expression", "replicas"),
    [("value / 100", 4), ("value / 130", 4), ("replicas * 2", 6), ("0 - value", 0), ("2", 2)],
)
def test_its_value_rounded_up_is_the_number_of_replicas(expression: str, replicas: int) -> None:
    assert asked(expression) == replicas


def test_other_metrics_are_known_by_their_names() -> None:
    assert asked("max(value / 100, cpu / 10)", cpu=value(90.0)) == 9


def test_the_reason_shows_the_expression_and_what_it_came_to() -> None:
    assert said("value / 130", 400.0).reason == "value / 130 = 3.07692: 3 -> 4"


@pytest.mark.parametrize(
    "sample",
    [
        None,
        unknown(Quality.STALE),
        value(float("nan")),
        Sample(quality=Quality.VALUE),
        Sample(quality=Quality.STALE, value=1.0),
        per_task(1.0, None),
        per_task(float("inf")),
    ],
    ids=repr,
)
def test_an_input_that_is_not_known_makes_the_whole_unknown(sample: Sample | None) -> None:
    samples = {} if sample is None else {"cpu": sample}
    found = said("value / 100 + 0 * cpu", 400.0, samples=samples)
    assert (found.replicas, found.reason, found.abstains) == (None, "cpu is not known", False)


def test_an_input_that_tasks_answer_is_known_when_all_of_them_do() -> None:
    whole = said("value / 100 + cpu", 400.0, samples={"cpu": per_task(1.0, 2.0)})
    assert whole.replicas == 7
    part = said("value / 100 + cpu", 400.0, samples={"cpu": per_task(1.0, None)})
    assert (part.replicas, part.reason) == (None, "cpu is not known")


@pytest.mark.parametrize("expression", ["value / 0", "value % (cpu - cpu)", "sqrt(0 - value)"])
def test_an_expression_without_a_value_says_so(expression: str) -> None:
    found = said(expression, 400.0, samples={"cpu": value(1.0)})
    assert found.replicas is None
    assert "no value" in found.reason


def test_a_result_beyond_all_counting_is_as_many_as_can_be_counted() -> None:
    assert asked("value * 1e14 * 1e14") == 2**31 - 1


def test_a_result_without_bounds_is_none() -> None:
    found = said("value * value", 1e200)
    assert (found.replicas, found.reason) == (None, "the formula's value is not finite")


@pytest.mark.parametrize("expression", ["'a'", "a.b", "[1]"])
def test_what_would_not_be_read_has_no_value(expression: str) -> None:
    tree = ast.parse(expression, mode="eval").body
    with pytest.raises(ValueError, match="not a formula"):
        arithmetic.Formula(tree, frozenset()).evaluate({"a": 1.0})


def test_a_total_that_lacks_tasks_shrinks_nothing() -> None:
    tasks = some_tasks(3)
    assert said("value / 100", per_task(50.0, 50.0), tasks=tasks).replicas is None
    assert said("value / 100", per_task(500.0, 50.0), tasks=tasks).replicas == 6


def test_a_total_that_lacks_tasks_is_good_enough_to_change_nothing() -> None:
    found = said("value / 100", per_task(150.0, 150.0), tasks=some_tasks(3))
    assert (found.name, found.replicas) == ("load", 3)


TWENTY = f"max({', '.join('1' * 20)})"


@pytest.mark.parametrize(
    "expression",
    ["1" + " " * 498 + "\n", f"max({', '.join([TWENTY] * 9)})".replace(" ", ""), "-" * 19 + "1"],
    ids=["500 characters", "200 parts", "20 levels"],
)
def test_a_formula_may_be_as_large_as_its_limits(expression: str) -> None:
    assert abs(arithmetic.read(expression).evaluate({})) == 1


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("1" * 501, "a formula has at most 500 characters"),
        (f"max({','.join([TWENTY] * 9)},1)".replace(" ", ""), "a formula has at most 200 parts"),
        ("-" * 20 + "1", "a formula is nested at most 20 levels deep"),
        ("1 + a§b", "'§' has no place in a formula"),
        ("1 +", "not a formula: invalid syntax"),
        ("1 + a.b", "'a.b' has no place in a formula"),
        (f"1 + a.{'b' * 99}", f"'a.{'b' * 58}' has no place in a formula"),
        ("clamp(1, 2)", "clamp() takes 3 arguments, not 2"),
        ("abs(1, 2)", "abs() takes 1 arguments, not 2"),
        ("max()", "max() takes 1 to 20 arguments, not 0"),
    ],
)
def test_what_is_refused_is_named(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        arithmetic.read(expression)


# a policy's formulas


def metric(name: str, **strategy: Any) -> dict[str, Any]:
    return {"name": name, "query": name, **strategy}


def test_the_metrics_that_a_formula_names_must_be_there() -> None:
    needs = metric("load", formula="value / 100 + jobs")
    with pytest.raises(ValidationError, match="metric 'load' needs 'jobs'; the metrics are load"):
        a_policy(metrics=[needs])
    a_policy(metrics=[needs, metric("jobs", input={})])


@pytest.mark.parametrize("name", ["max", "ceil"])
def test_a_function_is_no_name_of_a_metric(name: str) -> None:
    with pytest.raises(ValidationError, match="has no place in a formula"):
        a_policy(metrics=[metric("load", formula=f"value + {name}"), metric(name, input={})])


# input


def test_an_input_neither_asks_for_anything_nor_forbids_anything() -> None:
    found = recommend(OnlyInput(), 7.0)
    assert (found.replicas, found.abstains, found.reason) == (None, True, "7 seen")
