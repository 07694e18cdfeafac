"""Where a noisy metric is, and where it goes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.strategies.trend import Trend, follow

EVERY = 5.0


def followed(*values: float, every: float = EVERY, horizon: float = 15.0) -> tuple[Any, Trend]:
    memory, found = None, Trend(0, 0, 0)
    for number, value in enumerate(values):
        at = number * every
        memory, found = follow(memory, at, value, at, horizon)
    return memory, found


def noisy(of: Callable[[int], float], deviation: float, count: int = 300) -> list[float]:
    draw = random.Random(1)
    return [of(number) + draw.gauss(0, deviation) for number in range(count)]


def test_a_rise_without_noise_is_followed_once_it_has_come_true() -> None:
    _, found = followed(*(100.0 + 50.0 * n for n in range(8)))
    assert found.level == pytest.approx(450, rel=0.05)
    assert found.level + found.rise == pytest.approx(600, rel=0.05)


def test_at_first_it_stays_as_it_is() -> None:
    assert followed(100)[1] == followed(0, 100)[1] == Trend(100, 0, 100)


def test_noise_is_smoothed() -> None:
    found = [followed(*noisy(lambda _: 100.0, 10.0, count))[1] for count in range(200, 260)]
    away = sum((each.level - 100) ** 2 for each in found) / len(found)
    assert away < 10.0**2 / 8


def test_the_noise_of_points_is_no_margin() -> None:
    found = [followed(*noisy(lambda _: 100.0, 10.0, count))[1] for count in range(200, 260)]
    assert sum(each.highest for each in found) / len(found) < 105


def test_what_forecasts_were_wrong_by_is_the_margin() -> None:
    steps = [100.0 + 100.0 * (n // 12 % 2) for n in range(300)]
    found = [followed(*steps[:count])[1] for count in range(200, 260)]
    assert all(each.highest > each.level + 20 for each in found)


def test_noise_alone_hardly_rises() -> None:
    values = noisy(lambda _: 100.0, 10.0, 400)
    rises = [followed(*values[:count])[1].rise for count in range(200, 400, 5)]
    plain = [max(0.0, 15 * (values[n - 1] - values[n - 2]) / EVERY) for n in range(200, 400, 5)]
    assert sum(rises) < sum(plain) / 3


@pytest.mark.parametrize("after", [300.0, 20.0])
def test_a_jump_out_of_the_noise_is_believed(after: float) -> None:
    _, found = followed(*noisy(lambda n: 100.0 if n < 292 else after, 5.0))
    assert found.level == pytest.approx(after, rel=0.1, abs=12)


def test_what_falls_does_not_rise() -> None:
    _, found = followed(*(1000.0 - 20.0 * n for n in range(40)))
    assert found.rise == 0
    assert found.highest < 250


def test_a_measurement_counts_once() -> None:
    memory, _ = followed(1, 2, 3)
    assert follow(memory, 2 * EVERY, 3, 2 * EVERY + 3, 15.0)[0] == memory


def test_after_a_long_gap_the_past_counts_nothing() -> None:
    memory, _ = followed(*(1.0,) * 30)
    _, found = follow(memory, 86_400.0, 50, 86_400.0, 15.0)
    assert (found.level, found.rise, found.highest) == pytest.approx((50, 0, 50))


def test_points_of_a_clock_that_was_ahead_are_forgotten() -> None:
    memory, _ = follow(None, 1e6, 5, 1e6, 15.0)
    assert follow(memory, 10.0, 7, 10.0, 15.0)[1].level == 7


def test_samples_further_apart_than_one_looks_ahead_count_as_well() -> None:
    values = noisy(lambda _: 100.0, 10.0, 200)
    assert followed(*values, every=60.0)[1].level == pytest.approx(100, abs=7)


@pytest.mark.parametrize("values", [(1e300, -1e300, 1e300), (1e-300, 1e300, 0), (0, 0, 0)])
def test_numbers_stay_finite(values: tuple[float, ...]) -> None:
    memory, found = followed(*values * 20)
    json.dumps([memory, found.level, found.rise, found.highest], allow_nan=False)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("wrong", [None, "x", [], -1e400, [[0.0] * 5] * 7, [1.0, 1.0, []]])
def test_a_memory_with_a_wrong_part_counts_as_none(place: int, wrong: object) -> None:
    memory, _ = followed(1, 2, 3)
    memory[place] = wrong
    after, found = follow(memory, 100.0, 9, 100.0, 15.0)
    assert found == Trend(9, 0, 9)
    json.dumps(after, allow_nan=False)


def test_its_memory_is_small() -> None:
    memory, _ = followed(*noisy(lambda _: 1234.5, 10.0), horizon=600.0)
    assert len(json.dumps(memory)) < 4096
