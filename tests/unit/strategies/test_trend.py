"""The line that a noisy metric follows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.strategies.trend import Trend, follow

EVERY = 5.0


def followed(*values: float, every: float = EVERY) -> tuple[Any, Trend]:
    memory, found = follow(None, 0.0, values[0], 0.0)
    for number, value in enumerate(values[1:], start=1):
        memory, found = follow(memory, number * every, value, number * every)
    return memory, found


def noisy(of: Callable[[int], float], deviation: float, count: int = 300) -> list[float]:
    draw = random.Random(1)
    return [of(number) + draw.gauss(0, deviation) for number in range(count)]


def test_a_line_without_noise_is_found_at_once() -> None:
    _, found = followed(100, 150, 200)
    assert found.level == pytest.approx(200)
    assert found.rise(20) == pytest.approx(200, rel=0.05)


def test_a_single_point_has_no_slope() -> None:
    assert followed(100)[1] == Trend(100, 0, 0, 0)


def test_noise_is_smoothed_and_says_how_sure_the_line_is() -> None:
    found = [followed(*noisy(lambda _: 100.0, 10.0, count))[1] for count in range(200, 260)]
    away = sum((each.level - 100) ** 2 for each in found) / len(found)
    assert away < 10.0**2 / 2
    assert all(2 < each.level_error < 10 for each in found[-3:])


def test_noise_alone_hardly_rises() -> None:
    values = noisy(lambda _: 100.0, 10.0, 400)
    rises = [followed(*values[:count])[1].rise(20) for count in range(200, 400, 5)]
    plain = [max(0.0, 20 * (values[n - 1] - values[n - 2]) / EVERY) for n in range(200, 400, 5)]
    assert sum(rises) < sum(plain) / 3


def test_a_jump_out_of_the_noise_is_believed() -> None:
    _, found = followed(*noisy(lambda n: 100.0 if n < 297 else 300.0, 10.0))
    assert found.level == pytest.approx(300, rel=0.1)


def test_what_falls_does_not_rise() -> None:
    assert followed(500, 400, 300)[1].rise(60) == 0


def test_a_measurement_counts_once() -> None:
    memory, _ = followed(1, 2, 3)
    assert follow(memory, 2 * EVERY, 3, 2 * EVERY + 3)[0] == memory


def test_after_a_long_gap_it_begins_anew() -> None:
    memory, _ = followed(1, 2, 3)
    _, found = follow(memory, 7200.0, 50, 7200.0)
    assert found.level == pytest.approx(50)
    assert found.rise(60) == pytest.approx(0, abs=1)


def test_points_of_a_clock_that_was_ahead_are_forgotten() -> None:
    memory, _ = follow(None, 1e6, 5, 1e6)
    assert follow(memory, 10.0, 7, 10.0)[1].level == 7


@pytest.mark.parametrize("values", [(1e300, -1e300, 1e300), (1e-300, 1e300, 0), (0, 0, 0)])
def test_numbers_stay_finite(values: tuple[float, ...]) -> None:
    memory, _ = followed(*values * 20)
    json.dumps(memory, allow_nan=False)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("wrong", [None, "x", [], -1e400, [[0.0] * 5] * 4])
def test_a_memory_with_a_wrong_part_counts_as_none(place: int, wrong: object) -> None:
    memory, _ = followed(1, 2, 3)
    memory[place] = wrong
    after, found = follow(memory, 100.0, 9, 100.0)
    assert found.level == 9 or place in (1, 2)
    json.dumps(after, allow_nan=False)
