"""The figures of `bench.elasticity`."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from autoscaler.backtest.plant import Plant
from autoscaler.backtest.replay import replay
from autoscaler.model import Quality, Sample
from bench import elasticity
from bench.controllers import Controller, Policy, Threshold, copy, oracle, supply
from bench.courses import Course, averaged, rows_of
from bench.elasticity import quick
from bench.traces import Trace, load

RAMP = Trace("ramp", 5.0, [0.1 * n for n in range(1, 241)], unit=1.0)


def test_demand_is_the_fewest_replicas_that_carry_the_load() -> None:
    assert Trace("t", 1.0, [0.0, 1.0, 1.1, 3.0], 1.0).demand == [1, 1, 2, 3]


def test_noise_comes_from_its_seed_and_has_the_mean_of_the_load() -> None:
    trace = Trace("t", 5.0, [2.0] * 2000 + [40.0] * 2000, 1.0)
    noisy = trace.counted(1)
    assert noisy == trace.counted(1) != trace.counted(2)
    assert sum(noisy[:2000]) / 2000 == pytest.approx(2.0, rel=0.1)
    assert sum(noisy[2000:]) / 2000 == pytest.approx(40.0, rel=0.05)


def test_the_oracle_costs_what_is_needed_and_lacks_nothing() -> None:
    course = Course(RAMP, None, Controller("oracle", oracle, instant=True))
    assert course.quality(0, 60.0).tau_under == 0.0
    assert course.quality(0, 60.0).cost == 1.0
    assert course.score(60.0)[0] == 1.0


def test_replicas_come_with_delay_and_go_without() -> None:
    assert supply(RAMP, [1, 3, 3, 2], delay=10.0) == [1, 1, 1, 2]


def test_the_score_is_dearer_the_longer_replicas_start() -> None:
    course = Course(RAMP, None, Controller("copy", copy))
    (quick, _), (slow, _) = course.score(1.0), course.score(60.0)
    assert quick is not None
    assert slow is not None
    assert 1.0 <= quick < slow


def test_what_no_headroom_reaches_is_unreachable() -> None:
    jump = Trace("jump", 5.0, [1.0] * 20 + [1000.0] * 20, 1.0)
    assert Course(jump, None, Controller("±1", Threshold())).score(60.0)[0] is None


def test_the_product_follows_a_ramp_by_its_policy() -> None:
    asked = Policy({"preset": "steady"}, every=5.0)(RAMP, RAMP.rates, 1.0)
    assert len(asked) == len(RAMP.rates)
    assert 24 <= asked[-1] <= 30
    assert asked == sorted(asked)


def test_it_prints_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{60 * n},{60 + n % 7 * 30}\n" for n in range(60))
    (tmp_path / "small.csv").write_text(f"timestamp_s,value\n{rows}")
    asked = ["--traces", str(tmp_path), "--hours", "0.2", "--seeds", "0", "--delays", "10"]
    assert elasticity.main(asked) == 0
    printed = capsys.readouterr().out
    assert "preset bursty" in printed
    assert "C@1 %" in printed
    assert elasticity.main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["rows"]
    assert {row["controller"] for row in found} == {c.name for c in elasticity.CONTROLLERS}


def test_a_replay_that_lists_no_tasks_decides_the_same() -> None:
    policy = quick("bursty").policy(RAMP.unit)
    moments = [5.0 * number for number in range(len(RAMP.rates))]

    def measure(now: float, plant: Plant) -> dict[str, Sample]:
        rate = RAMP.rates[round(now / 5)]
        return {"load": Sample(quality=Quality.VALUE, value=rate, at=now)}

    with_tasks, without = (
        [step.decision.wanted for step in replay(policy, plant, moments, measure)]
        for plant in (Plant(1, 0.0), Plant(1, 0.0, lists_tasks=False))
    )
    assert with_tasks == without


def test_the_best_preset_stands_after_the_presets() -> None:
    courses = [Course(RAMP, None, c) for c in elasticity.CONTROLLERS]
    rows = [row for course in courses for row in rows_of(course, (10.0,))]
    names = [row.controller for row in elasticity.with_best(rows)]
    place = next(n for n, name in enumerate(names) if name.startswith("best: "))
    assert names[place - 1] == "preset slow-start"
    scores = {row.controller: row.score or inf for row in rows}
    best = min(scores[f"preset {name}"] for name in ("steady", "bursty", "slow-start"))
    assert scores[f"preset {names[place].removeprefix('best: ')}"] == best


def test_seeds_are_averaged_and_a_goal_must_be_reached_with_each() -> None:
    course = Course(RAMP, 1, Controller("copy", copy))
    (one,) = rows_of(course, (10.0,))
    pair = [replace(one, score=1.0, eta=2.0), replace(one, score=1.5, eta=4.0)]
    (mean,) = averaged(pair)
    assert (mean.score, mean.eta, mean.plain) == (1.25, 3.0, one.plain)
    (never,) = averaged([*pair, replace(one, score=None)])
    assert never.score is None
    assert averaged([one, replace(one, noise=False)]) == [one, replace(one, noise=False)]


def test_a_folder_without_traces_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elasticity.main(["--traces", str(tmp_path)]) == 1
    assert "no CSV file" in capsys.readouterr().err


def test_of_a_long_trace_the_middle_of_a_half_is_taken(tmp_path: Path) -> None:
    rows = "".join(f"{60 * n},{n}\n" for n in range(601))
    path = tmp_path / "long.csv"
    path.write_text(f"timestamp_s,value\n{rows}")
    second, first = load(path, hours=1.0), load(path, hours=1.0, half="first")
    assert len(second.rates) == len(first.rates) == 720
    assert second.rates[360] == pytest.approx(450 / 60)
    assert first.rates[360] == pytest.approx(150 / 60)
