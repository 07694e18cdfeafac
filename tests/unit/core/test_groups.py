"""Several metrics: groups as in Nomad's autoscaler, and metrics that may fail."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide.wanting import winner
from autoscaler.model import Quality, Recommendation
from autoscaler.testing.builders import (
    Watched,
    a_memory,
    a_policy,
    a_service,
    at_once,
    unknown,
    value,
)


def asks(name: str, group: str = "", **words: Any) -> dict[str, Any]:
    return {"name": name, "query": name, "group": group, "pass_through": {}, **words}


def watched(*metrics: dict[str, Any], replicas: int = 5, **scale: Any) -> Watched:
    policy = a_policy(metrics=metrics, behavior=at_once(), **scale)
    return Watched(policy, a_service(replicas), a_memory(replicas))


def wanted(groups: dict[str, list[float]]) -> int | None:
    """What is wanted of 5 replicas when the metrics of each group ask for these numbers."""
    numbers = {f"{group}-{i}": n for group, asked in groups.items() for i, n in enumerate(asked)}
    metrics = [asks(name, name.partition("-")[0]) for name in numbers]
    return watched(*metrics).sees({name: value(n) for name, n in numbers.items()}).wanted


@pytest.mark.parametrize(
    ("groups", "replicas"),
    [
        ({"cpu": [7, 3, 5]}, 7),
        ({"cpu": [7, 9]}, 9),
        ({"cpu": [5, 3]}, 3),
        ({"cpu": [2, 4]}, 4),
        ({"cpu": [5, 5]}, 5),
        ({"cpu": [5, 3], "memory": [5, 2]}, 3),
        ({"cpu": [5, 3], "memory": [5, 5]}, 5),
        ({"cpu": [3], "memory": [6]}, 6),
        ({"cpu": [5], "memory": [3]}, 5),
    ],
)
def test_a_group_grows_before_it_shrinks_and_shrinks_before_it_rests(
    groups: dict[str, list[float]], replicas: int
) -> None:
    assert wanted(groups) == replicas


def test_metrics_without_a_group_each_speak_for_themselves() -> None:
    service = watched(asks("a"), asks("b"))
    assert service.sees({"a": value(5), "b": value(3)}).wanted == 5


def test_a_winner_is_the_first_of_equals() -> None:
    two = [Recommendation(name=name, replicas=3, reason="") for name in "ab"]
    assert winner(two, 5).name == "a"


def test_an_unknown_metric_keeps_its_group_from_shrinking() -> None:
    service = watched(asks("a", "one"), asks("b", "one"))
    decision = service.sees({"a": unknown(), "b": value(3)})
    assert (decision.action, decision.held_by) == (None, "missing_data")


# metrics that may fail

OPTIONAL = asks("optional", on_error="ignore")


@pytest.mark.parametrize("group", ["", "one"])
@pytest.mark.parametrize("sample", [None, unknown(), unknown(Quality.ERROR), value(float("nan"))])
def test_a_metric_that_may_fail_keeps_nothing_from_shrinking(sample: Any, group: str) -> None:
    service = watched({**OPTIONAL, "group": group}, asks("load", group))
    samples = {"load": value(3.0)} | ({} if sample is None else {"optional": sample})
    service.sees(samples)
    assert service.replicas == 3
    assert service.memory.missing_since is None


def test_while_it_is_known_it_has_its_say() -> None:
    service = watched(OPTIONAL, asks("load"))
    assert service.sees({"optional": value(8.0), "load": value(3.0)}).wanted == 8


def test_with_all_of_them_unknown_nobody_has_an_opinion_and_nothing_changes() -> None:
    decision = watched(OPTIONAL).sees({"optional": unknown(detail="no series")})
    assert (decision.action, decision.wanted, decision.held_by) == (None, None, None)
    assert decision.reason == "no metric has an opinion; optional: no data: no series"


def test_its_coverage_is_not_asked_for_while_it_is_unknown() -> None:
    covered = {**OPTIONAL, "coverage": {"query": "covered"}}
    service = watched(covered, asks("load"))
    service.sees({"optional": unknown(), "load": value(3.0)})
    assert service.replicas == 3
    thin = {"optional": value(0.5)}
    samples = {"optional": value(1.0), "load": value(1.0)}
    assert service.sees(samples, coverage=thin).held_by == "coverage"


def test_its_return_counts_as_no_recovery_of_the_others() -> None:
    service = watched(OPTIONAL, asks("load"))
    service.sees({"optional": unknown(), "load": unknown()})
    for _ in range(2):
        assert service.sees({"optional": unknown(), "load": value(3.0)}).held_by == "recovery"
    service.sees({"optional": unknown(), "load": value(3.0)})
    assert service.replicas == 3


def test_the_same_sample_of_the_others_read_again_is_no_recovery() -> None:
    service = watched(OPTIONAL, asks("load"))
    same = {"optional": unknown(), "load": value(3.0, at=service.now)}
    service.sees({"load": unknown()})
    for _ in range(5):
        assert service.sees(same).held_by == "recovery"


def test_a_formula_needs_what_it_names_even_if_that_may_fail() -> None:
    formula = {"name": "sum", "query": "sum", "formula": "value + optional"}
    service = watched(OPTIONAL, formula)
    decision = service.sees({"sum": value(1.0), "optional": unknown()})
    assert (decision.action, decision.held_by) == (None, "missing_data")
