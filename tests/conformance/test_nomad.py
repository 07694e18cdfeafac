"""The adapter speaks Nomad's names, its report can fail, and reasons explain only themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import nomad, nomad_rules
from tests.conformance.__main__ import VARIABLE, main


def check(strategy: str, count: int, *points: Any, **config: str) -> dict[str, Any]:
    metrics = [{"timestamp": None, "value": point} for point in points]
    return {"strategy": strategy, "config": config, "metrics": metrics, "count": count}


def action(direction: str, count: int | None) -> dict[str, Any]:
    return {"result": "action", "direction": direction, "count": count, "reason": "words"}


def asked(kind: str, expected: Any, **given: Any) -> dict[str, Any]:
    return {"kind": kind, "input": given, "expected": expected}


def said(direction: str, count: int) -> dict[str, Any]:
    return {"count": count, "direction": direction, "error": False, "meta": None, "reason": ""}


UP, DOWN, NONE = said("up", 7), said("down", 2), said("none", 0)
CAPPED = {"nomad_autoscaler.count.capped": True, "nomad_autoscaler.count.original": 12}
DRY = {"nomad_autoscaler.dry_run": True, "nomad_autoscaler.dry_run.count": 3}
BAND = {"lower_bound": "5", "upper_bound": "20"}
OFFICE = {"start": "0 9 * * Mon-Fri", "end": "0 17 * * Mon-Fri", "duration": ""}


def strategies() -> list[dict[str, Any]]:
    pairs = [
        (check("target-value", 10, 90, 80, target="70"), action("up", 12)),
        (check("target-value", 10, 101, target="100"), action("none", None)),
        (check("target-value", 5, 3, target="0", max_scale_up="4"), action("up", 9)),
        (check("target-value", 9, 1, target="2", max_scale_down="1"), action("down", 8)),
        (check("target-value", 4, target="70"), {"result": "no_evaluation"}),
        (check("target-value", 4, 1, target="much"), {"result": "error", "error": "words"}),
        (check("threshold", 10, *[10] * 5, **BAND, percentage="25"), action("up", 13)),
        (check("threshold", 10, 10, 30, 10, 30, 10, **BAND, delta="1"), action("none", None)),
        (
            check("threshold", 10, 9, within_bounds_trigger="1", value="2", **BAND),
            action("down", 2),
        ),
        (check("pass-through", 2, 9, 4.9, max_scale_up="1"), action("up", 3)),
        (check("fixed-value", 10, value="4"), action("down", 4)),
    ]
    return [{**case, "expected": expected} for case, expected in pairs]


def others() -> list[tuple[str, dict[str, Any]]]:
    factor = {"count": 5, "factor": 1.3, "threshold": 0.1}
    both = {"one": [{"action": NONE}, {"action": DOWN}], "two": [{"action": DOWN}]}
    content = {"one": [{"action": NONE}], "two": [{"action": DOWN}]}
    noon, night = "2026-11-23T12:00:00Z", "2026-11-23T17:00:00Z"
    fails = {"policy_on_check_error": "fail", "check_on_error": "", "strategy_failed": True}
    capped = {**said("up", 10), "meta": CAPPED}
    up = {"direction": "up"}
    return [
        ("direction_cases", {**asked("", up, **factor), "strategy": "target-value"}),
        ("direction_cases", {**asked("", up, count=5, fixed=6), "strategy": "fixed-value"}),
        ("post_processing_cases", asked("cap_count", capped, action=said("up", 12), min=1, max=10)),
        ("post_processing_cases", asked("cap_count", UP, action=UP, min=1, max=10)),
        ("post_processing_cases", asked("preempt", NONE, a=DOWN, b=NONE)),
        ("post_processing_cases", asked("preempt", UP, a=None, b=UP)),
        (
            "post_processing_cases",
            asked("set_dry_run", {**said("none", -1), "meta": DRY}, action=said("none", 3)),
        ),
        ("group_winner_cases", asked("group_winner", said("down", 2), groups=both)),
        ("group_winner_cases", asked("group_winner", said("none", 0), groups=content)),
        ("group_winner_cases", asked("group_winner", None, groups={})),
        ("schedule_cases", asked("schedule_active", True, now=noon, schedule=OFFICE)),
        ("schedule_cases", asked("schedule_active", False, now=night, schedule=OFFICE)),
        ("on_error_cases", asked("on_error", "error", **fails)),
        ("on_error_cases", asked("on_error", "skipped", **{**fails, "check_on_error": "ignore"})),
        ("on_error_cases", asked("on_error", "action", **{**fails, "strategy_failed": False})),
        ("scaling_needed_cases", needed(False, 2, 2, "up")),
        ("scaling_needed_cases", needed(True, 1, 2, "down")),
        (
            "remaining_cooldown_cases",
            asked("remaining_cooldown", 30, cooldown_s=90, seconds_since_last_event=60),
        ),
    ]


def needed(expected: bool, count: int, current: int, direction: str) -> dict[str, Any]:
    given = {"action_count": count, "current_count": current, "direction": direction}
    return asked("scaling_needed", expected, **given)


CASES = [*(("strategy_cases", case) for case in strategies()), *others()]
WRONG: dict[str, Any] = {
    "result": "never",
    "direction": "sideways",
    "count": 77,
    "meta": {"nomad_autoscaler.dry_run": "maybe", "nomad_autoscaler.count.capped": "maybe"},
}


def complete(case: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"id": f"own/{number:02}", "name": "a case", **case}


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_case_is_answered_as_nomads_autoscaler_would(kind: str, case: dict[str, Any]) -> None:
    assert nomad.judge(kind, complete(case)).differences == ()


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_wrong_expectation_is_a_miss_without_a_reason(kind: str, case: dict[str, Any]) -> None:
    judged = nomad.judge(kind, complete({**case, "expected": wrong(case["expected"])}))
    assert judged.differences
    assert judged.rule == ""


def wrong(expected: Any) -> Any:
    if expected is None:
        return {"count": 77}
    if not isinstance(expected, dict):
        return "?"
    return {key: WRONG[key] for key in WRONG if key in expected}


def test_a_case_that_breaks_something_is_a_miss() -> None:
    judged = nomad.judge("schedule_cases", {"id": "own/01", "expected": True})
    assert judged.differences[0].startswith("raised KeyError")
    assert judged.rule == ""


EXPLAINED = [
    ("no-op", "strategy_cases", check("pass-through", 2, 2.9), action("up", 2)),
    ("not negative", "strategy_cases", check("fixed-value", 2, value="-3"), action("down", -3)),
    ("not finite", "strategy_cases", check("pass-through", 2, "NaN"), action("none", None)),
    (
        "not finite",
        "strategy_cases",
        check("threshold", 2, "+Inf", 9, lower_bound="5", delta="1", within_bounds_trigger="2"),
        action("up", 3),
    ),
    (
        "options first",
        "strategy_cases",
        check("threshold", 2, delta="1"),
        {"result": "no_evaluation"},
    ),
    (
        "sane options",
        "strategy_cases",
        check("target-value", 2, 4, target="-1"),
        action("down", -8),
    ),
    (
        "sane options",
        "strategy_cases",
        check("threshold", 2, 7, lower_bound="9", upper_bound="5", delta="1"),
        action("none", None),
    ),
    ("constants", "strategy_cases", check("fixed-value", 2, value="3.5"), {"result": "error"}),
    (
        "countable",
        "strategy_cases",
        check("pass-through", 2, 1e300),
        action("up", -(2**63)),
    ),
    (
        "known words",
        "on_error_cases",
        asked("", "", check_on_error="?", policy_on_check_error="", strategy_failed=True),
        "skipped",
    ),
]


@pytest.mark.parametrize(("rule", "kind", "case", "expected"), EXPLAINED)
def test_a_reason_is_keyed_by_a_rule(
    rule: str, kind: str, case: dict[str, Any], expected: Any
) -> None:
    judged = nomad.judge(kind, complete({**case, "expected": expected}))
    assert judged.differences
    assert judged.rule == rule


def test_each_rule_has_a_case() -> None:
    assert {rule.name for rule in nomad_rules.RULES} == {rule for rule, *_ in EXPLAINED}


def test_the_page_of_strategies_tells_each_rule() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "strategies.md").read_text().split())
    for rule in nomad_rules.RULES:
        assert f"**{rule.name}**: {rule.reason}" in page


def test_a_direction_that_rounding_hides_is_explained_and_a_larger_one_is_not() -> None:
    down: dict[str, Any] = {"strategy": "target-value", "expected": {"direction": "down"}}
    hidden = {**down, "input": {"count": 5, "factor": 0.98, "threshold": 0.01}}
    lost = {**down, "input": {"count": 5, "factor": 0.5, "threshold": 0.9}}
    assert nomad.judge("direction_cases", complete(hidden)).rule == "no-op"
    assert nomad.judge("direction_cases", complete(lost)).rule == ""


def test_the_report_counts_by_kind_and_tells_every_miss_with_its_reason() -> None:
    right, missed = strategies()[0], {**strategies()[1], "expected": action("up", 10)}
    lines, enough = nomad.report({"strategy_cases": [complete(right), complete(missed, 2)]})
    assert lines[:2] == [
        "strategy_cases: 1 of 2",
        "  own/02 a case: direction: expected up, got none; count: expected 10, got None [no-op]",
    ]
    assert lines[-1].startswith("[no-op] An action that changes nothing is never sent")
    assert enough


def test_a_miss_without_a_reason_is_not_enough() -> None:
    missed = {**strategies()[0], "expected": action("up", 13)}
    lines, enough = nomad.report({"strategy_cases": [complete(missed)]})
    assert lines[1] == "  own/01 a case: count: expected 13, got 12"
    assert not enough


def test_the_command_reads_nomads_cases_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {"strategy_cases": [complete(case) for case in strategies()]}
    (tmp_path / "nomad_cases.json").write_text(json.dumps(document))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert main() == 0
    assert f"strategy_cases: {len(strategies())} of {len(strategies())}" in capsys.readouterr().out
    document["strategy_cases"][0]["expected"] = action("up", 77)
    (tmp_path / "nomad_cases.json").write_text(json.dumps(document))
    assert main() == 1


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cases")
def test_nomads_own_cases_pass() -> None:
    text = (Path(os.environ[VARIABLE]) / "nomad_cases.json").read_text()
    lines, enough = nomad.report(json.loads(text))
    assert enough, "\n".join(lines)
