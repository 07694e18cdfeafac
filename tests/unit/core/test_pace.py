"""Stabilization windows and rate limits, as HPA's `behavior` has them."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import pace
from autoscaler.model import Run, Scaled
from autoscaler.policy import Behavior, ScaleDown, ScaleUp
from autoscaler.testing.builders import NOW


def windows(up: str, down: str) -> Behavior:
    return Behavior.model_validate(
        {"scale_up": {"stabilization": up}, "scale_down": {"stabilization": down}}
    )


def run(replicas: int, ago: float, lasted: float = 0.0) -> Run:
    return Run(replicas=replicas, since=NOW - ago - lasted, until=NOW - ago)


def scaled(*changes: tuple[int, float]) -> list[Scaled]:
    return [Scaled(at=NOW - ago, change=change) for change, ago in changes]


def up(*policies: dict[str, Any], select: str = "max") -> ScaleUp:
    return ScaleUp.model_validate({"policies": policies, "select": select})


def down(*policies: dict[str, Any], select: str = "max") -> ScaleDown:
    return ScaleDown.model_validate({"policies": policies, "select": select})


# stabilization


def test_growth_follows_the_lowest_recommendation_of_its_window() -> None:
    runs = [run(4, 120), run(5, 60)]
    assert pace.stabilized(7, 1, runs, windows("5m", "0s"), NOW) == 4
    assert pace.stabilized(7, 1, runs, windows("90s", "0s"), NOW) == 5
    assert pace.stabilized(7, 1, runs, windows("0s", "5m"), NOW) == 7


def test_shrinking_follows_the_highest_recommendation_of_its_window() -> None:
    runs = [run(9, 120), run(4, 60)]
    assert pace.stabilized(2, 10, runs, windows("0s", "5m"), NOW) == 9
    assert pace.stabilized(2, 10, runs, windows("0s", "90s"), NOW) == 4
    assert pace.stabilized(2, 10, runs, windows("5m", "0s"), NOW) == 2


def test_a_window_holds_a_service_where_it_is_but_never_turns_it_round() -> None:
    assert pace.stabilized(1, 2, [run(3, 60)], windows("5m", "5m"), NOW) == 2
    assert pace.stabilized(3, 2, [run(1, 60)], windows("5m", "5m"), NOW) == 2


def test_a_recommendation_leaves_its_window_at_its_very_end() -> None:
    runs = [run(9, 300)]
    assert pace.stabilized(2, 10, runs, windows("0s", "301s"), NOW) == 9
    assert pace.stabilized(2, 10, runs, windows("0s", "300s"), NOW) == 2


def test_a_recommendation_counts_from_when_it_last_stood() -> None:
    long = [run(9, 10, lasted=3600)]
    assert pace.stabilized(2, 10, long, windows("0s", "5m"), NOW) == 9


# the log


def test_a_recommendation_that_stands_lengthens_its_run() -> None:
    runs = pace.remember([run(5, 15, lasted=45)], 5, windows("0s", "5m"), NOW)
    assert runs == (run(5, 0, lasted=60),)


def test_what_no_window_can_see_any_more_is_forgotten() -> None:
    runs = pace.remember([run(9, 300), run(8, 299)], 5, windows("0s", "5m"), NOW)
    assert runs == (run(8, 299), run(5, 0))
    runs = pace.remember([run(9, 3), run(8, 2)], 5, windows("0s", "0s"), NOW)
    assert runs == (run(5, 0),)


def test_what_can_never_again_be_an_extreme_is_forgotten() -> None:
    runs = [run(6, 50), run(9, 40), run(4, 30), run(6, 20), run(7, 10)]
    kept = pace.remember(runs, 5, windows("5m", "5m"), NOW)
    assert kept == (run(9, 40), run(4, 30), run(7, 10), run(5, 0))


def test_a_long_restless_history_stays_short() -> None:
    runs: tuple[Run, ...] = ()
    for second in range(3600):
        runs = pace.remember(runs, 3 + second % 2, windows("1h", "1h"), NOW + second)
    assert len(runs) <= 3


# rate limits


@pytest.mark.parametrize(
    ("rules", "limit"),
    [
        (up({"replicas": 4, "period": "15s"}), 14),
        (up({"percent": 50, "period": "15s"}), 15),
        (up({"percent": 1, "period": "15s"}), 11),
        (up({"replicas": 4, "period": "15s"}, {"percent": 100, "period": "15s"}), 20),
        (up({"replicas": 4, "period": "15s"}, {"percent": 100, "period": "15s"}, select="min"), 14),
        (up({"replicas": 4, "period": "15s"}, select="disabled"), 10),
    ],
)
def test_growth_is_limited_per_period(rules: ScaleUp, limit: int) -> None:
    assert pace.upper_limit(10, [], rules, NOW) == limit


@pytest.mark.parametrize(
    ("rules", "limit"),
    [
        (down({"replicas": 4, "period": "15s"}), 6),
        (down({"percent": 50, "period": "15s"}), 5),
        (down({"percent": 1, "period": "15s"}), 9),
        (down({"replicas": 4, "period": "15s"}, {"percent": 50, "period": "15s"}), 5),
        (down({"replicas": 4, "period": "15s"}, {"percent": 50, "period": "15s"}, select="min"), 6),
        (down({"replicas": 4, "period": "15s"}, select="disabled"), 10),
    ],
)
def test_shrinking_is_limited_per_period(rules: ScaleDown, limit: int) -> None:
    assert pace.lower_limit(10, [], rules, NOW) == limit


def test_percentages_are_exact() -> None:
    assert pace.upper_limit(50, [], up({"percent": 10, "period": "15s"}), NOW) == 55
    assert pace.lower_limit(10, [], down({"percent": 90, "period": "15s"}), NOW) == 1
    assert pace.lower_limit(10, [], down({"percent": 300, "period": "15s"}), NOW) < 0


def test_a_period_begins_with_what_the_service_had_then() -> None:
    rules = up({"replicas": 150, "period": "2m"})
    assert pace.upper_limit(100, scaled((1, 100), (5, 60), (9, 20)), rules, NOW) == 235
    shrinking = down({"percent": 50, "period": "2m"})
    assert pace.lower_limit(100, scaled((-2, 100), (-4, 60), (-6, 20)), shrinking, NOW) == 56


def test_changes_of_both_directions_count_in_a_period() -> None:
    rules = down({"percent": 50, "period": "3m"})
    assert pace.lower_limit(10, scaled((2, 60), (-4, 60)), rules, NOW) == 6


def test_a_change_leaves_its_period_at_its_very_end() -> None:
    rules = up({"replicas": 10, "period": "1m"})
    assert pace.upper_limit(100, scaled((10, 59.9)), rules, NOW) == 100
    assert pace.upper_limit(100, scaled((10, 60)), rules, NOW) == 110


def test_an_exhausted_limit_never_moves_a_service_the_other_way() -> None:
    growing = up({"replicas": 5, "period": "2m"})
    assert pace.upper_limit(100, scaled((9, 20)), growing, NOW) == 100
    shrinking = down({"percent": 10, "period": "2m"})
    assert pace.lower_limit(100, scaled((-30, 20)), shrinking, NOW) == 100


def test_a_percentage_alone_lets_a_service_return_from_zero() -> None:
    rules = up({"percent": 100, "period": "15s"})
    assert pace.upper_limit(0, [], rules, NOW) == 1
    assert pace.upper_limit(1, scaled((1, 5)), rules, NOW) == 1
    assert pace.upper_limit(1, scaled((1, 15)), rules, NOW) == 2


def test_changes_are_forgotten_once_no_period_reaches_them() -> None:
    changes = scaled((1, 30), (2, 10))
    assert pace.forget(changes, NOW, keep=30) == tuple(changes[1:])
