"""The adapter speaks Kubernetes' units and names, and its report can fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import hpa
from tests.conformance.__main__ import VARIABLE, main
from tests.conformance.hpa_terms import ready_pods

TOLERANCE = {"scale_up": 0.1, "scale_down": 0.1}
QUICK = {"stabilization_window_s": 0, "select_policy": "Max"}
ONE_A_MINUTE = {**QUICK, "policies": [{"type": "Pods", "value": 1, "period_s": 60}]}
HALF_A_MINUTE = {**QUICK, "policies": [{"type": "Percent", "value": 50, "period_s": 60}]}

CASES: list[dict[str, Any]] = [
    {
        "kind": "resource_utilization",
        "resource": "cpu",
        "current_replicas": 2,
        "pods": ready_pods(2),
        "pod_usage_milli": [900, 700],
        "pod_requests_milli": [1000, 1000],
        "target_utilization_percent": 40,
        "tolerance": TOLERANCE,
        "expected_replicas": 4,
        "expected_utilization_percent": 80,
    },
    {
        "kind": "resource_utilization",
        "resource": "cpu",
        "current_replicas": 1,
        "pods": ready_pods(1),
        "pod_usage_milli": [900],
        "pod_requests_milli": [None],
        "target_utilization_percent": 40,
        "tolerance": TOLERANCE,
        "expected_error": "no request",
    },
    {
        "kind": "pods",
        "current_replicas": 3,
        "pods": ready_pods(3),
        "pod_metric_milli": [1500, 1501, 1501],
        "target_average_value_milli": 500,
        "tolerance": TOLERANCE,
        "expected_replicas": 9,
        "expected_average_milli": 1500,
    },
    {
        "kind": "external",
        "current_replicas": 2,
        "pods": ready_pods(2),
        "metric_values_milli": [250, 250],
        "target_value_milli": 200,
        "tolerance": TOLERANCE,
        "expected_replicas": 5,
        "expected_usage_milli": 500,
    },
    {
        "kind": "object_per_pod",
        "current_replicas": 7,
        "metric_values_milli": [3000],
        "target_average_value_milli": 1000,
        "tolerance": TOLERANCE,
        "expected_replicas": 3,
        "expected_per_pod_average_milli": 429,
    },
    {
        "kind": "behavior",
        "subkind": "rate_limit",
        "min_replicas": 1,
        "max_replicas": 9,
        "current_replicas": 6,
        "desired_before_limits": 9,
        "scale_up": ONE_A_MINUTE,
        "scale_down": ONE_A_MINUTE,
        "scale_up_events": [{"replica_change": 1, "age_s": 59}],
        "scale_down_events": [],
        "expected_replicas": 6,
        "expected_reason": "ScaleUpLimit",
    },
    {
        "kind": "behavior",
        "subkind": "rate_limit",
        "min_replicas": 4,
        "max_replicas": 9,
        "current_replicas": 6,
        "desired_before_limits": 1,
        "scale_up": ONE_A_MINUTE,
        "scale_down": HALF_A_MINUTE,
        "scale_up_events": [],
        "scale_down_events": [],
        "expected_replicas": 4,
        "expected_reason": "TooFewReplicas",
    },
    {
        "kind": "reconcile",
        "min_replicas": 1,
        "max_replicas": 9,
        "spec_replicas": 4,
        "status_replicas": 4,
        "metrics": [
            {"type": "External", "target_value_milli": 1000, "metric_values_milli": [500]},
            {"type": "Object", "error": True},
        ],
        "prior_recommendations": [],
        "expected_replicas": 4,
        "expected_conditions": {"ScalingActive": "False/FailedGetObjectMetric"},
    },
    {
        "kind": "reconcile",
        "min_replicas": 1,
        "max_replicas": 9,
        "spec_replicas": 4,
        "status_replicas": 4,
        "metrics": [
            {"type": "Pods", "target_average_value_milli": 1000, "pod_metric_milli": [500] * 4}
        ],
        "prior_recommendations": "initial",
        "expected_replicas": 4,
        "expected_conditions": {"AbleToScale": "True/ScaleDownStabilized"},
    },
]


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


def test_the_report_counts_by_kind_and_tells_every_miss() -> None:
    wrong = {**complete(CASES[0]), "expected_replicas": 5}
    lines, enough = hpa.report([complete(CASES[0]), wrong])
    assert lines[:2] == [
        "resource_utilization: 1 of 2",
        "  own resource_utilization: expected_replicas: expected 5, got 4",
    ]
    assert not enough


def test_a_tenth_of_the_reconciliations_may_differ() -> None:
    right = complete(CASES[-1])
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
    assert "reconcile: 2 of 2" in capsys.readouterr().out
    monkeypatch.delenv(VARIABLE)
    assert main() == 2


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cases")
def test_kubernetes_own_cases_pass() -> None:
    text = (Path(os.environ[VARIABLE]) / "hpa_cases.json").read_text()
    lines, enough = hpa.report(json.loads(text)["cases"])
    assert enough, "\n".join(lines)
