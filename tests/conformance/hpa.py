"""Judges every case: what was answered, against what Kubernetes' own tests expect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
"""The share of cases to pass or to explain; of all kinds that are not named here, all."""

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


def _rounds_a_percentage(case: Case, answer: Answer) -> bool:
    """One replica off, in a direction whose limit is a percentage."""
    expected, got = case.get("expected_replicas"), answer.get("expected_replicas")
    if expected is None or got is None or abs(expected - got) != 1:
        return False
    way = case.get("scale_up" if expected > got else "scale_down", {})
    return any(policy["type"] == "Percent" for policy in way.get("policies", ()))


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
    Rule(
        "percentages",
        ("behavior",),
        "Percentages of rate limits are reckoned in whole numbers: 10 % of 50 is 5, where "
        "binary fractions make it 6.",
        _rounds_a_percentage,
    ),
)
"""Why some differ; they are printed as misses all the same."""


def judge(case: Case) -> Judged:
    answer = judging.answered(_answer, case)
    found = _differences(case, answer)
    rule = judging.explaining(RULES, case["kind"], case, answer) if found else ""
    return Judged(case["kind"], f"{case['id']} {case.get('name', '')}".strip(), found, rule)


def _answer(case: Case) -> Answer:
    return KINDS[case["kind"]](case)


def _differences(case: Case, answer: Answer) -> tuple[str, ...]:
    expected = {key: _expected(key, case[key]) for key in case if _is_asked(key, case)}
    missed = {key: wanted for key, wanted in expected.items() if not _agree(key, wanted, answer)}
    return judging.differences(missed, answer)


def _is_asked(key: str, case: Case) -> bool:
    if key == "events_after":
        # Without any behavior Kubernetes keeps no log; here there always is one.
        return case["rules"] is not None
    return key.startswith("expected_") and key not in INTERNAL


def _expected(key: str, value: Any) -> Any:
    if key == "events_after":
        return sorted(event["replica_change"] for event in value if not event["outdated"])
    return value


def _agree(key: str, expected: Any, answers: Answer) -> bool:
    answer = answers.get(key)
    if key == "expected_conditions" and answer is not None:
        return all(answer.get(name) == value for name, value in expected.items())
    if key == "expected_error":
        return bool(answer)
    return bool(expected == answer)


def report(cases: Iterable[Case]) -> tuple[list[str], bool]:
    """`N of M` per kind and every miss; and whether each kind has enough."""
    judged = [judge(case) for case in cases]
    kinds_seen = dict.fromkeys([*KINDS, *(one.kind for one in judged)])
    lines = [line for kind in kinds_seen for line in judging.lines(kind, judged)]
    enough = all(_enough(kind, [one for one in judged if one.kind == kind]) for kind in kinds_seen)
    return [*lines, *judging.reasons(judged, RULES)], enough


def _enough(kind: str, judged: Sequence[Judged]) -> bool:
    """Whether enough of them pass, or are missed for a written reason."""
    answered = sum(not one.differences or bool(one.rule) for one in judged)
    return answered >= LEAST.get(kind, 1.0) * len(judged)
