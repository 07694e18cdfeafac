"""HPA's arithmetic by itself, in whole quanta."""

from __future__ import annotations

import math
from typing import Any

import pytest

from autoscaler.strategies.grouping import Groups
from autoscaler.strategies.proportion import (
    MOST_QUANTA,
    Band,
    Proposal,
    TaskUsage,
    per_task,
    quanta,
    some_quanta,
    total_per_replica,
)

BAND = Band(down=0.1, up=0.1)


def groups(ready: str, unready: str = "", missing: str = "") -> Groups:
    """Tasks with names of one letter."""
    return Groups(frozenset(ready), frozenset(unready), frozenset(missing), frozenset())


def usage(target: int = 10, **known: int) -> TaskUsage:
    return TaskUsage(known, None, target)


def proposed(current: int, of: Groups, used: TaskUsage) -> int:
    return per_task(current, of, used, BAND).replicas


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0),
        (2.4, 2),
        (-2.6, -3),
        (1e300, MOST_QUANTA),
        (-1e300, -MOST_QUANTA),
        (float(MOST_QUANTA), MOST_QUANTA),
    ],
)
def test_quanta_are_whole_and_saturate_on_either_side(value: float, expected: int) -> None:
    assert quanta(value, 1.0) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.0, 1), (-5.0, 1), (1.0, 1), (2.0, 2)])
def test_what_is_divided_by_is_at_least_one(value: float, expected: int) -> None:
    assert some_quanta(value, 1.0) == expected


@pytest.mark.parametrize(
    ("used", "current", "expected"),
    [
        (0, 0, Proposal(0, 0, 0.0)),
        (5, 0, Proposal(1, 0, math.inf)),
        (25, 2, Proposal(3, 13, 1.25)),
        (-25, 2, Proposal(0, -12, -1.25)),
        (21, 2, Proposal(2, 11, 1.05)),
    ],
)
def test_a_total_is_shared_out(used: int, current: int, expected: Proposal) -> None:
    assert total_per_replica(used, 10, current, BAND) == expected


def test_an_average_is_truncated_towards_nothing() -> None:
    assert usage(a=5, b=0).ratio({"a": 5, "b": 0}) == (2, 0.2)
    assert usage(a=-5, b=0).ratio({"a": -5, "b": 0}) == (-2, -0.2)
    assert usage(a=-4, b=0).ratio({"a": -4, "b": 0}) == (-2, -0.2)


@pytest.mark.parametrize(
    ("current", "of", "used", "replicas"),
    [
        # 12 of 10 each: three, were it not for the two that may take their share.
        (2, groups("ab"), {"a": 12, "b": 12}, 3),
        (4, groups("ab", unready="cd"), {"a": 12, "b": 12}, 4),
        (2, groups("ab", unready="cd"), {"a": 40, "b": 40}, 8),
        # Nobody makes up anything for those that are unready where load falls.
        (4, groups("ab", unready="cd"), {"a": 5, "b": 5}, 1),
        (4, groups("ab", unready="cd"), {"a": 10, "b": 10}, 4),
        # What is missing is taken for idle where load grows, and for on target where it falls.
        (4, groups("ab", missing="cd"), {"a": 40, "b": 40}, 8),
        (4, groups("ab", missing="cd"), {"a": 2, "b": 2}, 3),
        (4, groups("ab", missing="cd"), {"a": 10, "b": 10}, 4),
        (4, groups("ab", missing="cd"), {"a": 12, "b": 12}, 4),
        # Exactly on target with what is made up: nothing to do.
        (4, groups("ab", missing="cd"), {"a": 20, "b": 20}, 4),
        # A sample of a task that is not ready does not count.
        (2, groups("ab", unready="c"), {"a": 5, "b": 5, "c": 999}, 1),
    ],
)
def test_tasks_without_a_sample_damp_a_change(
    current: int, of: Groups, used: dict[str, Any], replicas: int
) -> None:
    assert proposed(current, of, usage(**used)) == replicas


def test_a_proposal_tells_the_average_of_those_that_are_known() -> None:
    found = per_task(4, groups("ab", missing="cd"), usage(a=40, b=40), BAND)
    assert found == Proposal(8, 40, 4.0)
