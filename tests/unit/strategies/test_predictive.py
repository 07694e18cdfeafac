"""A forecast as a floor under what is asked for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import pi, sin
from typing import Any

import pytest

from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strategies.foresight import FIRST
from autoscaler.strategies.predictive import Predictive
from autoscaler.strategies.recursive import TOO_UNCERTAIN, Weights
from autoscaler.strategies.season import SLOT, SLOTS, Season
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import NOW, a_service, observe, per_task, some_tasks, value

Load = Callable[[float], float]


def reading(total: float, seconds: float, replicas: int = 5) -> Reading:
    seen = observe(a_service(replicas), now=NOW + seconds, tasks=some_tasks(replicas))
    return Reading(name="load", sample=value(total, NOW + seconds), observation=seen)


def steps(
    load: Load, count: int, every: float = 10.0, **options: Any
) -> Iterator[tuple[float, Any, Recommendation]]:
    strategy = Predictive.model_validate({"average_value": 10, **options})
    memory: Any = None
    for number in range(count):
        now = number * every
        memory, found = strategy.step(memory, reading(load(now), now))
        yield now, memory, found


def wave(now: float) -> float:
    return 200 + 150 * sin(now / 200)


def short(load: Load, found: list[tuple[float, Any, Recommendation]], later: float) -> int:
    """How often too little was asked for."""
    return sum((one.replicas or 0) * 10 < load(now + later) for now, _, one in found)


def test_it_asks_before_a_load_that_rises_needs_it() -> None:
    ahead = [*steps(wave, 600)][100:]
    bare = Target(average_value=10)
    now = [(at, None, bare.step(None, reading(wave(at), at))[1]) for at, _, _ in ahead]
    assert short(wave, ahead, 60) < short(wave, now, 60) / 4


def test_it_never_asks_for_less_than_target_does_that_looks_as_far_ahead() -> None:
    draw = random.Random(1)
    load = [max(0.0, wave(10.0 * n) + draw.gauss(0, 30)) for n in range(600)]
    target, memory = Target.model_validate({"average_value": 10, "look_ahead": "60s"}), None
    for now, _, found in steps(lambda at: load[round(at / 10)], 600):
        memory, least = target.step(memory, reading(load[round(now / 10)], now))
        assert (found.replicas or 0) >= (least.replicas or 0)


def test_it_says_nothing_before_forecasts_have_come_true() -> None:
    first = [found.reason for _, _, found in steps(wave, 20)]
    assert all("no forecast that is better than none" in reason for reason in first)


def test_it_is_silent_where_nothing_can_be_foreseen() -> None:
    draw = random.Random(2)
    load = [draw.uniform(0, 400) for _ in range(800)]
    told = [found.reason for _, _, found in steps(lambda at: load[round(at / 10)], 800)][400:]
    trend = [found.reason for _, _, found in steps(wave, 800)][400:]
    foreseen = [sum("foreseen" in reason for reason in each) for each in (told, trend)]
    assert foreseen[1] == 400
    assert foreseen[0] < 400


def test_a_load_that_stays_is_foreseen_and_told() -> None:
    *_, (_, memory, found) = steps(lambda now: 205.0, 60)
    assert found.replicas == 21
    assert found.reason == (
        "41 a replica, target 10, 60 s ahead: 5 -> 21; 205 foreseen in 60 s: at least 21"
    )
    assert memory[2] is None


def test_a_measurement_counts_as_of_when_it_was_made() -> None:
    late = reading(100, 0)
    late = replace(late, sample=value(100, NOW - 7))
    memory, _ = Predictive(average_value=10).step(None, late)
    assert memory[0][0] == NOW - 7
    unstamped = replace(late, sample=value(100))
    memory, _ = Predictive(average_value=10).step(None, unstamped)
    assert memory[0][0] == NOW


def test_a_day_is_remembered() -> None:
    def jumps(now: float) -> float:
        return 100.0 if now % 86_400 < 43_200 else 300.0

    def asked(season: bool) -> int:
        days = steps(jumps, 3 * 288, every=300.0, horizon="15m", season=season)
        return max(found.replicas or 0 for now, _, found in days if now == 2 * 86_400 + 42_600)

    assert asked(season=True) > asked(season=False)


def test_its_memory_is_small() -> None:
    *_, (_, memory, _) = steps(wave, 500, season=True)
    assert len(json.dumps(memory)) < 8 * 1024


def test_a_measurement_that_is_read_twice_counts_once() -> None:
    strategy = Predictive(average_value=10)
    memory, found = strategy.step(None, reading(100, 0))
    assert strategy.step(memory, reading(100, 0)) == (memory, found)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("wrong", [None, 1, [1], {"a": 1}, [[None]], [[1e999]], "ab"])
def test_a_memory_with_a_wrong_part_is_no_error(part: int, wrong: Any) -> None:
    *_, (now, memory, _) = steps(wave, 60, season=True)
    memory[part] = wrong
    strategy = Predictive(average_value=10, season=True)
    after, found = strategy.step(memory, reading(100, now + 10))
    json.dumps(after, allow_nan=False)
    assert (found.replicas or 0) >= 10


def spoiled(memory: Any, place: tuple[int, ...], wrong: Any) -> Any:
    """The same memory, with something wrong at one place."""
    if not place:
        return wrong
    part = [*memory]
    part[place[0]] = spoiled(part[place[0]], place[1:], wrong)
    return part


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ((1, 0, 0), [1.0, 0.0]),
        ((1, 0, 1, 0), [0.1, 0.0]),
        ((1, 0, 1, 0, 0), -1.0),
        ((1, 0, 1, 0, 0), 2 * TOO_UNCERTAIN),
        ((1, 0, 0, 0), float("inf")),
        ((1, 1, 0), [NOW, 5.0, 1.0, 0.0]),
        ((1, 1, 0, 1), float("nan")),
        ((1, 2, 0), float("inf")),
        ((1, 3), float("nan")),
        ((2, 0), [None] * SLOTS),
        ((2, 0, 0), float("nan")),
        ((2, 2), float("inf")),
    ],
)
def test_numbers_that_cannot_be_are_forgotten_with_all_that_hangs_on_them(
    place: tuple[int, ...], wrong: Any
) -> None:
    strategy = Predictive(average_value=10, season=True)
    *_, (now, memory, _) = steps(wave, 60, season=True)
    next_one = reading(wave(now + 10), now + 10)
    assert len(strategy.step(memory, next_one)[0][1][2]) > 1
    after, found = strategy.step(spoiled(memory, place, wrong), next_one)
    json.dumps(after, allow_nan=False)
    assert after == strategy.step(None, next_one)[0]
    assert "no forecast that is better than none" in found.reason


def test_a_forecast_that_nobody_looked_at_in_time_says_nothing() -> None:
    strategy = Predictive(average_value=10)

    def errors(late: float) -> int:
        memory, _ = strategy.step(None, reading(100, 0))
        memory, _ = strategy.step(memory, reading(100, 60 + late))
        return len(memory[1][2])

    assert (errors(-0.1), errors(0), errors(15), errors(15.1)) == (0, 1, 1, 0)


def test_of_nothing_no_weights_are_learned() -> None:
    *_, (_, memory, _) = steps(lambda now: 0.0, 40)
    assert memory[1][0] == Weights.begun(FIRST).stored()
    assert len(memory[1][2]) > 0


def test_no_forecast_is_made_of_a_sample_that_says_nothing() -> None:
    strategy = Predictive(average_value=10)
    seen = observe(a_service(3), now=NOW, tasks=None)
    known = Reading(name="load", sample=per_task(10.0, 10.0, 10.0), observation=seen)
    _, found = strategy.step(None, known)
    assert (found.replicas, found.reason) == (None, "its tasks are not known yet")


def test_weights_are_learned_and_begin_anew_when_they_blow_up() -> None:
    known = Weights.begun([0.0, 0.0])
    draw = random.Random(3)
    for _ in range(500):
        inputs = (draw.random(), draw.random())
        known = known.learned(inputs, 2 * inputs[0] + inputs[1] - known.output(inputs)) or known
    assert known.weights == pytest.approx((2, 1), abs=0.05)
    at_last: Weights | None = known
    for _ in range(10_000):
        at_last = at_last and at_last.learned((0.0, 0.0), 0.0)
    assert at_last is None
    assert known.covariance[0][0] < TOO_UNCERTAIN


def test_of_a_season_only_what_was_a_day_ago_is_known() -> None:
    season = Season()
    for slot in range(SLOTS + 10):
        season = season.after(slot * SLOT, 100 + 50 * sin(2 * pi * slot / SLOTS))
    at = (SLOTS + 9) * SLOT
    assert season.change(at, 3600) == pytest.approx(
        50 * (sin(2 * pi * 20.5 / SLOTS) - sin(2 * pi * 8.5 / SLOTS)), rel=0.1
    )
    assert season.after(at + 10 * 86_400, 1.0).change(at + 10 * 86_400, 3600) == 0


def test_a_slot_of_the_day_is_the_mean_of_its_points() -> None:
    season = Season()
    for slot in range(SLOTS + 2):
        for part, share in enumerate((0.5, 1.0, 1.5)):
            season = season.after(slot * SLOT + part * 100, share * (200 if slot % 2 else 100))
    half = SLOT / 2
    assert season.change(SLOTS * SLOT + half, SLOT) == pytest.approx(100)
    assert season.change(SLOTS * SLOT + half, SLOT / 4) == pytest.approx(25)


def test_a_slot_that_nobody_looked_at_is_not_known() -> None:
    season = Season()
    for slot in range(SLOTS + 20):
        if slot != SLOTS + 5:
            season = season.after(slot * SLOT, 100.0 + slot)
    tomorrow = 2 * SLOTS * SLOT + SLOT / 2
    for slot in (2, 6):
        assert season.change(tomorrow + slot * SLOT, SLOT) == 1
    for slot in (3, 4, 5):
        assert season.change(tomorrow + slot * SLOT, SLOT) == 0


def test_what_today_is_like_is_not_taken_for_yesterday() -> None:
    season = Season()
    for slot in range(2 * SLOTS - 12):
        season = season.after(slot * SLOT, 100.0 if slot < SLOTS else 500.0)
        if slot > SLOTS:
            assert season.change(slot * SLOT, 3000) == 0
