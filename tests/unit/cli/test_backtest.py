"""`backtest`: what would a policy have done?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autoscaler.cli.moments import moment
from tests.unit.cli.conftest import Call

POLICY = """
version: 1
policies:
  - name: web
    services: [web]
    scale:
      min: 1
      max: 20
      {more}
      metrics:
        - name: requests
          query: sum(rate(http_requests_total[1m]))
          target: {target}
"""
STEP = ["timestamp_s,requests", *(f"{60 * n},{100 if n < 20 else 500}" for n in range(60))]


def policy(name: str, more: str = "", target: str = "{average_value: 100}") -> str:
    Path(name).write_text(POLICY.format(more=more, target=target))
    return name


@pytest.fixture
def table(call: Call) -> str:
    """A table in the folder that the command runs in."""
    Path("load.csv").write_text("\n".join(STEP))
    return "load.csv"


def replayed(call: Call, *arguments: str) -> list[dict[str, Any]]:
    result = call("backtest", *arguments, "--service", "web", "--json")
    assert result.exit_code in (0, 1), result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_it_tells_how_good_a_policy_would_have_been(call: Call, table: str) -> None:
    (found,) = replayed(call, policy("a.yaml"), "--csv", table, "--start-delay", "30s")
    assert found["policy"] == "web"
    assert found["actions"] == 4  # within the minute in which the load rises, a pass every 15 s
    assert 0 < found["quality"]["tau_under"] < 5
    assert found["broken"] == []


def test_a_policy_that_does_not_act_yet_is_replayed_as_if_it_did(call: Call, table: str) -> None:
    text = Path(policy("a.yaml")).read_text()
    Path("dry.yaml").write_text(text.replace("services:", "mode: dry-run\n    services:"))
    active, dry = replayed(call, "a.yaml", "dry.yaml", "--csv", table)
    assert dry["quality"] == active["quality"]
    assert dry["actions"] == active["actions"] > 0


def test_policies_are_compared_side_by_side(call: Call, table: str) -> None:
    slow = policy("slow.yaml", "behavior: {scale_up: {stabilization: 10m}}")
    result = call("backtest", policy("a.yaml"), slow, "--service", "web", "--csv", table)
    assert result.exit_code == 0
    assert "a.yaml" in result.output
    assert "slow.yaml was held by stabilization" in result.output
    quick, late = replayed(call, "a.yaml", "slow.yaml", "--csv", table)
    assert late["quality"]["tau_under"] > quick["quality"]["tau_under"]


def test_a_limit_that_is_broken_fails(call: Call, table: str) -> None:
    asked = ("backtest", policy("a.yaml"), "--service", "web", "--csv", table)
    assert call(*asked, "--max-under", "10", "--max-cost", "2").exit_code == 0
    result = call(*asked, "--max-cost", "0.5")
    assert result.exit_code == 1
    assert "a.yaml: max_cost: " in result.output


def test_in_the_closed_loop_utilization_follows_from_the_replicas(call: Call, table: str) -> None:
    path = policy("cpu.yaml", target="{utilization: 50}")
    asked = ("--csv", table, "--load", "requests", "--capacity", "100")
    (found,) = replayed(call, path, *asked, "--closed", "--replicas", "2")
    assert found["quality"]["cost"] == pytest.approx(2.0, abs=0.2)  # half of what it carries
    assert found["actions"] >= 2


def test_a_gap_is_not_counted_as_a_load_of_zero(call: Call) -> None:
    rows = [row for n, row in enumerate(STEP) if not 30 <= n <= 40]
    Path("gap.csv").write_text("\n".join(rows))
    (found,) = replayed(call, policy("a.yaml"), "--csv", "gap.csv")
    assert found["unknown_seconds"] == pytest.approx(12 * 60, abs=30)
    assert found["quality"]["tau_over"] < 40


def test_a_column_without_a_name_of_its_own_serves_one_metric(call: Call, table: str) -> None:
    Path("bare.csv").write_text("\n".join(["timestamp_s,value", *STEP[1:]]))
    named, bare = (replayed(call, policy("a.yaml"), "--csv", csv) for csv in (table, "bare.csv"))
    assert [one["quality"] for one in bare] == [one["quality"] for one in named]


def test_a_column_of_another_name_is_not_taken_for_the_metric(call: Call) -> None:
    Path("other.csv").write_text("\n".join(["timestamp_s,errors", *STEP[1:]]))
    result = call("backtest", policy("a.yaml"), "--service", "web", "--csv", "other.csv")
    assert result.exit_code != 0
    assert "no column 'requests' in the table; its columns are errors" in result.output


@pytest.mark.parametrize("kind", ["html", "svg", "png"])
def test_it_draws(call: Call, table: str, kind: str) -> None:
    slow = policy("slow.yaml", "behavior: {scale_up: {stabilization: 5m}}")
    out = Path(f"out.{kind}")
    result = call("backtest", slow, "--service", "web", "--csv", table, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert f"Drawn in {out}" in result.output
    drawn = out.read_bytes()
    assert drawn.startswith(b"\x89PNG") if kind == "png" else b"<svg" in drawn
    assert kind == "png" or b"stabilization" in drawn or b"slow.yaml" in drawn


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--csv", "none.csv"], "none.csv"),
        (["--csv", "load.csv", "--out", "x.gif"], "must end with one of .html, .svg, .png"),
        (["--csv", "load.csv", "--load", "cpu", "--capacity", "1"], "no column 'cpu'"),
        (["--csv", "load.csv", "--from", "yesterday"], "expected 48h (ago)"),
        (["--csv", "load.csv", "--from", "1", "--to", "0"], "0 passes"),
        (["--load", "other", "--capacity", "1"], "no metric 'other'"),
    ],
)
def test_what_is_wrong_is_told(call: Call, table: str, arguments: list[str], told: str) -> None:
    result = call("backtest", policy("a.yaml"), "--service", "web", *arguments)
    assert result.exit_code != 0
    assert told in result.output


def test_a_policy_that_is_about_others_is_told(call: Call, table: str) -> None:
    result = call("backtest", policy("a.yaml"), "--service", "api", "--csv", table)
    assert result.exit_code == 1
    assert "a.yaml: no policy covers service 'api'; there are: web" in result.output


def test_a_source_that_does_not_know_the_past_is_told(call: Call) -> None:
    text = POLICY.format(more="", target="{average_value: 1}")
    Path("d.yaml").write_text(
        text.replace(
            "query: sum(rate(http_requests_total[1m]))", "source: docker\n          query: cpu"
        )
    )
    result = call("backtest", "d.yaml", "--service", "web")
    assert result.exit_code == 1
    assert "source 'docker' of metric 'requests' does not know the past" in result.output


def test_moments_are_written_as_people_write_them() -> None:
    assert moment("1700000000") == 1_700_000_000
    assert moment("2026-11-26T08:00") == datetime(2026, 11, 26, 8, tzinfo=UTC).timestamp()
    assert moment("2026-11-26T08:00+01:00") == datetime(2026, 11, 26, 7, tzinfo=UTC).timestamp()
    with pytest.raises(ValueError, match="expected 48h"):
        moment("soon")
