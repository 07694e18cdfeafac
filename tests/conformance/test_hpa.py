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
STARTED = {
    "phase": "Running",
    "deleting": False,
    "start_age_s": 60,
    "ready_transition_age_s": 30,
}

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
    {
        "kind": "group_pods",
        "resource": "cpu",
        "cpu_initialization_period_s": 120,
        "initial_readiness_delay_s": 10,
        "pods": [
            {**STARTED, "name": "measured before it was ready", "ready_condition": True},
            {**STARTED, "name": "measured since", "ready_condition": True},
            {**STARTED, "name": "silent", "ready_condition": True},
        ],
        "metrics": {
            "measured before it was ready": {"value": 1, "timestamp_age_s": 0, "window_s": 60},
            "measured since": {"value": 1, "timestamp_age_s": 0, "window_s": 30},
        },
        "expected_ready_count": 1,
        "expected_unready": ["measured before it was ready"],
        "expected_missing": ["silent"],
        "expected_ignored": [],
    },
    {
        "kind": "behavior",
        "subkind": "scale_up_limit",
        "current_replicas": 1,
        "scale_up": {**ONE_A_MINUTE, "select_policy": "Min"},
        "scale_up_events": [],
        "scale_down_events": [],
        "expected_replicas": 2,
    },
    {
        "kind": "behavior",
        "subkind": "store_scale_event",
        "replica_change": 5,
        "prev_events": [{"replica_change": 7, "age_s": 61}, {"replica_change": 6, "age_s": 59}],
        "rules": ONE_A_MINUTE,
        "events_after": [
            {"replica_change": 5, "outdated": False},
            {"replica_change": 6, "outdated": False},
        ],
        "expected_change_in_last_60s_before_store": 6,
    },
    {
        "kind": "reconcile",
        "min_replicas": 1,
        "max_replicas": 9,
        "spec_replicas": 4,
        "status_replicas": 4,
        "metrics": [{"type": "CheddarCheese"}],
        "prior_recommendations": [],
        "expected_replicas": 4,
        "expected_conditions": {"ScalingActive": "False/InvalidMetricSourceType"},
    },
    {
        "kind": "reconcile",
        "min_replicas": 0,
        "max_replicas": 9,
        "spec_replicas": 0,
        "status_replicas": 0,
        "pods": ready_pods(3),
        "metrics": [
            {
                "type": "Resource",
                "target_utilization_percent": 30,
                "pod_usage_milli": [300, 400, 500],
                "pod_requests_milli": [1000] * 3,
            },
            {"type": "External", "error": True},
        ],
        "prior_recommendations": [],
        "expected_replicas": 4,
        "expected_conditions": {"ScalingActive": "True/ValidMetricFound"},
    },
    {
        "kind": "reconcile",
        "min_replicas": 1,
        "max_replicas": 9,
        "spec_replicas": 4,
        "status_replicas": 4,
        "metrics": [{"type": "External", "target_value_milli": 1000, "metric_values_milli": [500]}],
        "behavior": {"scale_down": ONE_A_MINUTE},
        "prior_recommendations": [],
        "expected_replicas": 3,
        "expected_conditions": {"ScalingLimited": "True/ScaleDownLimit"},
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
