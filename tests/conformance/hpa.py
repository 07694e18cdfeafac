"""Judges every case: what was answered, against what Kubernetes' own tests expect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.conformance import hpa_kinds as kinds
from tests.conformance import judging
from tests.conformance.hpa_kinds import Answer
from tests.conformance.hpa_reconcile import reconcile
from tests.conformance.hpa_terms import Case
from tests.conformance.judging import Judged, Rule

KINDS: dict[str, Callable[[Case], Answer]] = {
    "resource_utilization": kinds.resource_utilization,
    "resource_raw": kinds.resource_raw,
    "pods": kinds.pods,
    "object": kinds.one_value,
    "object_per_pod": kinds.one_total,
    "external": kinds.one_value,
    "external_per_pod": kinds.one_total,
    "group_pods": kinds.group_pods,
    "behavior": kinds.behavior,
    "reconcile": reconcile,
}
LEAST = {"reconcile": 0.9}
"""The share of cases to pass; of all kinds that are not named here, all."""

# How another project keeps its log is not an answer; neither is an average nobody asks for.
INTERNAL = {
    "expected_log_length",
    "expected_raw_average_milli",
    "expected_recommendations_after",
}


def _expects(*conditions: str) -> Callable[[Case, Answer], bool]:
    return lambda case, _answer: any(
        condition.endswith(conditions) for condition in case.get("expected_conditions", {}).values()
    )


RULES = (
    Rule(
        "selectors",
        ("reconcile",),
        "A Swarm's services are named, not selected by labels of pods; a service that two "
        "policies cover is held before anything is decided, by `ambiguous_policy`.",
        _expects("/InvalidSelector", "/AmbiguousSelector"),
    ),
    Rule(
        "writes",
        ("reconcile",),
        "What reading or writing the service comes to is the outcome of an action, not a part "
        "of the decision.",
        _expects("/FailedUpdateScale", "/FailedGetScale"),
    ),
)
"""Why some differ; they count as misses all the same."""


def judge(case: Case) -> Judged:
    answer = KINDS[case["kind"]](case)
    expected = {key: _expected(key, case[key]) for key in case if _is_asked(key, case)}
    differences = [
        f"{key}: expected {wanted}, got {answer.get(key, 'nothing')}"
        for key, wanted in expected.items()
        if not _agree(key, wanted, answer.get(key))
    ]
    rule = judging.explaining(RULES, case["kind"], case, answer) if differences else ""
    return Judged(case["kind"], f"{case['id']} {case['name']}", tuple(differences), rule)


def _is_asked(key: str, case: Case) -> bool:
    if key == "events_after":
        # Without any behavior Kubernetes keeps no log; here there always is one.
        return case["rules"] is not None
    return key.startswith("expected_") and key not in INTERNAL


def _expected(key: str, value: Any) -> Any:
    if key == "events_after":
        return [event["replica_change"] for event in value if not event["outdated"]]
    return value


def _agree(key: str, expected: Any, answer: Any) -> bool:
    if key == "expected_conditions" and answer is not None:
        return all(answer.get(name) == value for name, value in expected.items())
    if key == "expected_error":
        return bool(answer)
    return bool(expected == answer)


def report(cases: Iterable[Case]) -> tuple[list[str], bool]:
    """`N of M` per kind and every miss; and whether each kind has enough."""
    judged = [judge(case) for case in cases]
    lines, enough = [], True
    for kind in KINDS:
        of_kind = [one for one in judged if one.kind == kind]
        missed = [one for one in of_kind if one.differences]
        lines += judging.lines(kind, judged)
        enough &= len(of_kind) - len(missed) >= LEAST.get(kind, 1.0) * len(of_kind)
    return [*lines, *judging.reasons(judged, RULES)], enough
