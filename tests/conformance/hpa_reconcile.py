"""Cases of a whole reconciliation, given to `decide` as one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autoscaler.decide import decide
from autoscaler.model import Decision, Memory, Quality, Sample
from autoscaler.testing.builders import a_metric, a_policy, a_service, observe
from tests.conformance import hpa_terms as terms
from tests.conformance.hpa_kinds import Answer, limited
from tests.conformance.hpa_terms import Case

FACTOR, MINIMUM = 8, 4
"""The cases' own limit on growth where they state no behavior."""
TYPES = ("Resource", "ContainerResource", "Pods", "Object", "External")
"""Where a metric may come from; of any other place nothing can be asked."""


def reconcile(case: Case) -> Answer:
    decision = _decided(case)
    replicas = decision.action.replicas if decision.action else decision.current
    return {
        "expected_replicas": replicas,
        "expected_conditions": {
            "AbleToScale": _able(decision),
            "ScalingActive": _active(case, decision),
            "ScalingLimited": _limited(case, decision),
        },
    }


def _decided(case: Case) -> Decision:
    pods = case.get("pods") or terms.ready_pods(_listed(case))
    names = [f"metric-{number}" for number, _ in enumerate(case["metrics"])]
    policy = a_policy(
        min=case["min_replicas"],
        max=case["max_replicas"],
        metrics=[_metric(n, m) for n, m in zip(names, case["metrics"], strict=True)],
        behavior=_behavior(case),
    )
    seen = observe(
        a_service(case["spec_replicas"], running=case["status_replicas"]),
        {n: _sample(m, pods) for n, m in zip(names, case["metrics"], strict=True)},
        tasks=terms.tasks(pods),
    )
    return decide(policy, seen, _memory(case))[1]


def _listed(case: Case) -> int:
    """How many pods there are: as many as state a request, else as the status says."""
    stated = [metric.get("pod_requests_milli", ()) for metric in case["metrics"]]
    return max(map(len, stated), default=0) or int(case["status_replicas"])


def _metric(name: str, metric: Case) -> Any:
    if _fails(metric):
        return a_metric(name, value=1)
    return a_metric(name, **terms.target(metric, metric.get("resource")))


def _sample(metric: Case, pods: Sequence[Case]) -> Sample:
    if _fails(metric):
        return Sample(quality=Quality.ERROR)
    if "metric_values_milli" in metric:
        return terms.total_sample(metric["metric_values_milli"])
    if "pod_metric_milli" in metric:
        return terms.pod_sample(pods, metric["pod_metric_milli"])
    return terms.pod_sample(pods, metric["pod_usage_milli"], metric["pod_requests_milli"])


def _fails(metric: Case) -> bool:
    return "error" in metric or metric["type"] not in TYPES


def _behavior(case: Case) -> dict[str, Any]:
    if "behavior" not in case:
        return {"scale_up": terms.legacy_pace(FACTOR, MINIMUM)}
    return {way: terms.pace(rules) for way, rules in case["behavior"].items()}


def _memory(case: Case) -> Memory:
    if case["prior_recommendations"] == "initial":
        return Memory()
    return Memory(recommendations=terms.runs(case["prior_recommendations"]))


# Kubernetes' conditions for what a decision says


def _able(decision: Decision) -> str:
    if decision.action is not None:
        return "True/SucceededRescale"
    if decision.held_by == "stabilization":
        grows = (decision.wanted or 0) > (decision.current or 0)
        return "True/ScaleUpStabilized" if grows else "True/ScaleDownStabilized"
    if decision.held_by in ("missing_data", "switched_off"):
        return "True/SucceededGetScale"
    return "True/ReadyForNewScale"


def _active(case: Case, decision: Decision) -> str:
    if decision.held_by == "switched_off":
        return "False/ScalingDisabled"
    if decision.held_by == "missing_data":
        failed = [r.replicas is None for r in decision.recommendations].index(True)
        source = case["metrics"][failed]["type"]
        return (
            f"False/FailedGet{source}Metric" if source in TYPES else "False/InvalidMetricSourceType"
        )
    return "True/ValidMetricFound"


def _limited(case: Case, decision: Decision) -> str:
    name = limited(case, decision)
    return f"{name != 'DesiredWithinRange'}/{name}"
