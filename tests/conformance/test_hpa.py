"""The adapter speaks Kubernetes' units and names, and its report can fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import hpa
from tests.conformance.__main__ import VARIABLE, main
from tests.conformance.own_hpa_cases import CASES, QUICK


def complete(case: dict[str, Any]) -> dict[str, Any]:
    return {"id": "own", "name": case["kind"], **case}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_a_case_is_answered_as_kubernetes_would(case: dict[str, Any]) -> None:
    assert hpa.judge(complete(case)).differences == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_a_wrong_expectation_is_a_miss(case: dict[str, Any]) -> None:
    wrong = complete(case)
    for key in [key for key in wrong if key.startswith("expected_")]:
        wrong[key] = {"AbleToScale": "no"} if key == "expected_conditions" else 77
    if "expected_error" in wrong:
        wrong["pod_requests_milli"] = [1000]
    assert hpa.judge(wrong).differences


def test_a_case_of_an_unknown_form_is_a_miss_and_the_others_are_judged() -> None:
    strange = {"id": "own", "kind": "weather", "expected_replicas": 1}
    unknown = {**complete(CASES[0]), "pods": [{"name": "p0"}]}
    lines, enough = hpa.report([strange, unknown, complete(CASES[0])])
    assert "resource_utilization: 1 of 2" in lines
    assert "weather: 0 of 1" in lines
    assert sum(line.startswith("  own") and "raised KeyError" in line for line in lines) == 2
    assert not enough


def test_a_miss_with_a_written_reason_is_told_and_is_enough() -> None:
    refused = {
        **complete(CASES[-1]),
        "expected_conditions": {"AbleToScale": "False/FailedGetScale"},
    }
    lines, enough = hpa.report([refused])
    assert "reconcile: 0 of 1" in lines
    assert lines[-1].startswith("[writes] What reading or writing the service comes to")
    assert enough


@pytest.mark.parametrize(("expected", "rule"), [(56, "percentages"), (57, ""), (54, "")])
def test_what_binary_fractions_make_of_a_percentage_is_explained(expected: int, rule: str) -> None:
    tenth = {**QUICK, "policies": [{"type": "Percent", "value": 10, "period_s": 60}]}
    case = {
        "kind": "behavior",
        "subkind": "scale_up_limit",
        "current_replicas": 50,
        "scale_up": tenth,
        "scale_up_events": [],
        "scale_down_events": [],
        "expected_replicas": expected,
    }
    judged = hpa.judge(complete(case))
    assert judged.differences == (f"expected_replicas: expected {expected}, got 55",)
    assert judged.rule == rule


def test_the_report_counts_by_kind_and_tells_every_miss() -> None:
    wrong = {**complete(CASES[0]), "expected_replicas": 5}
    lines, enough = hpa.report([complete(CASES[0]), wrong])
    assert lines[:2] == [
        "resource_utilization: 1 of 2",
        "  own resource_utilization: expected_replicas: expected 5, got 4",
    ]
    assert not enough


def test_a_tenth_of_the_reconciliations_may_differ() -> None:
    right = complete(next(case for case in CASES if case["kind"] == "reconcile"))
    wrong = {**right, "expected_replicas": 5}
    assert hpa.report([right] * 9 + [wrong])[1]
    assert not hpa.report([right] * 8 + [wrong])[1]


def test_the_command_reads_the_folder_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = {"cases": [complete(case) for case in CASES]}
    (tmp_path / "hpa_cases.json").write_text(json.dumps(cases))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert main() == 0
    assert "reconcile: 5 of 5" in capsys.readouterr().out
    monkeypatch.delenv(VARIABLE)
    assert main() == 2


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cases")
def test_kubernetes_own_cases_pass() -> None:
    text = (Path(os.environ[VARIABLE]) / "hpa_cases.json").read_text()
    lines, enough = hpa.report(json.loads(text)["cases"])
    assert enough, "\n".join(lines)
