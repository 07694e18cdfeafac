"""Each kind of case, given to the code that it is about; answers under the case's own keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autoscaler.decide import decide, pace, recall
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Memory,
    Sample,
    Task,
    TaskState,
    TaskValue,
)
from autoscaler.policy import ScaleUp
from autoscaler.ports import Reading
from autoscaler.strategies.grouping import StartUp, group
from autoscaler.strategies.target import Target
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    a_task,
    observe,
    value,
)
from tests.conformance import hpa_terms as terms
from tests.conformance.hpa_terms import Case

Answer = dict[str, Any]
MOST = 1_000_000
"""The most replicas that a policy may allow, for cases that state no bound."""


# one metric: the strategy


def resource_utilization(case: Case) -> Answer:
    sample = terms.pod_sample(case["pods"], case["pod_usage_milli"], case["pod_requests_milli"])
    return _proposed(case, sample, "expected_utilization_percent")


def resource_raw(case: Case) -> Answer:
    sample = terms.pod_sample(case["pods"], case["pod_usage_milli"])
    return _proposed(case, sample, "expected_average_milli")


def pods(case: Case) -> Answer:
    sample = terms.pod_sample(case["pods"], case["pod_metric_milli"])
    return _proposed(case, sample, "expected_average_milli")


def one_value(case: Case) -> Answer:
    return _proposed(case, terms.total_sample(case["metric_values_milli"]), "expected_usage_milli")


def one_total(case: Case) -> Answer:
    sample = terms.total_sample(case["metric_values_milli"])
    return _proposed(case, sample, "expected_per_pod_average_milli")


def _proposed(case: Case, sample: Sample, average: str) -> Answer:
    reading = Reading(
        name="case",
        sample=sample,
        observation=observe(a_service(case["current_replicas"]), tasks=_tasks(case)),
        tolerance_up=case["tolerance"]["scale_up"],
        tolerance_down=case["tolerance"]["scale_down"],
    )
    strategy = Target.model_validate(terms.target(case, case.get("resource")))
    proposal, (_, recommendation) = strategy.propose(reading), strategy.step(None, reading)
    if isinstance(proposal, str):
        return {"expected_error": recommendation.reason}
    return {"expected_replicas": recommendation.replicas, average: proposal.average}


def _tasks(case: Case) -> tuple[Task, ...]:
    return terms.tasks(case.get("pods") or terms.ready_pods(case.get("ready_running_pods", 0)))


# which pods count


def group_pods(case: Case) -> Answer:
    values = {
        name: TaskValue(
            value=metric["value"],
            at=_ago(metric["timestamp_age_s"]),
            window=metric["window_s"] or 0.0,
        )
        for name, metric in case["metrics"].items()
    }
    cpu = StartUp(case["cpu_initialization_period_s"], case["initial_readiness_delay_s"])
    start_up = cpu if case["resource"] == "cpu" else None
    groups = group(map(_aged_task, case["pods"]), values, NOW, start_up)
    return {
        "expected_ready_count": len(groups.ready),
        "expected_unready": sorted(groups.unready),
        "expected_missing": sorted(groups.missing),
        "expected_ignored": sorted(groups.ignored),
    }


def _aged_task(pod: Case) -> Task:
    return a_task(
        state=terms.PHASES[pod["phase"]],
        id=pod["name"],
        desired=TaskState.SHUTDOWN if pod["deleting"] else TaskState.RUNNING,
        node_ready=bool(pod["ready_condition"]),
        created_at=_ago(pod["start_age_s"]),
        since=_ago(pod["ready_transition_age_s"]),
    )


def _ago(age: float | None) -> float:
    return 0.0 if age is None else NOW - age


# behavior: the whole decider, with a metric that asks for a given number


def behavior(case: Case) -> Answer:
    return SUBKINDS[case["subkind"]](case)


def _rate_limit(case: Case) -> Answer:
    both = {"scale_up": terms.pace(case["scale_up"]), "scale_down": terms.pace(case["scale_down"])}
    return _reasoned(case, _asked(case, both, _having_scaled(case)))


def _scale_up_limit(case: Case) -> Answer:
    ways = {"scale_up": terms.pace(case["scale_up"])}
    return _sized(_asked({**case, "desired_before_limits": MOST}, ways, _having_scaled(case)))


def _scale_down_limit(case: Case) -> Answer:
    ways = {"scale_down": terms.pace(case["scale_down"])}
    return _sized(_asked({**case, "desired_before_limits": 0}, ways, _having_scaled(case)))


def _having_scaled(case: Case) -> Memory:
    events = terms.scaled(case["scale_up_events"], case["scale_down_events"])
    return a_memory(case["current_replicas"], scaled=events, recommendations=terms.runs([]))


def _legacy_limits(case: Case) -> Answer:
    # For a service of `minimum` replicas or more; below, Kubernetes' limit has no counterpart.
    percent = terms.legacy_pace(case["scale_up_limit_factor"], 1)
    memory = a_memory(case["current_replicas"], recommendations=terms.runs([]))
    return _reasoned(case, _asked(case, {"scale_up": percent}, memory))


def _legacy_stabilization(case: Case) -> Answer:
    # The case has no size: of a service larger than all that was recommended.
    window = terms.seconds(case["downscale_stabilization_window_s"])
    ways = {"scale_down": {"stabilization": window, "policies": terms.GENEROUS}}
    memory = a_memory(MOST, recommendations=terms.runs(case["recommendations"]))
    return _sized(_asked({**case, "current_replicas": MOST}, ways, memory))


def _stabilization(case: Case) -> Answer:
    ways = {
        way: {
            "stabilization": terms.seconds(case[f"{way}_stabilization_window_s"]),
            "policies": terms.GENEROUS,
        }
        for way in ("scale_up", "scale_down")
    }
    runs = terms.runs(case["recommendations"])
    return _sized(_asked(case, ways, a_memory(case["current_replicas"], recommendations=runs)))


def _store_scale_event(case: Case) -> Answer:
    before = terms.scaled(case["prev_events"], [])
    a_minute = ScaleUp.model_validate({"policies": [{"replicas": MOST, "period": "60s"}]})
    left = pace.upper_limit(0, before, a_minute, NOW)
    changed: Answer = {"expected_change_in_last_60s_before_store": MOST - left}
    if case["rules"] is None:
        return changed
    longest = max(policy["period_s"] for policy in case["rules"]["policies"])
    memory = recall.after(Memory(scaled=before), _growth_by(case["replica_change"]), NOW)
    kept = pace.forget(memory.scaled, NOW, longest)
    # Sorted: Kubernetes reuses the places of old ones, so that the order means nothing.
    return {**changed, "events_after": sorted(change.change for change in kept)}


def _growth_by(replicas: int) -> Action:
    return Action(
        kind=Act.SCALE, service_id="", service="", version=0, replicas=replicas, previous=0
    )


def _asked(case: Case, ways: dict[str, dict[str, Any]], memory: Memory) -> Decision:
    exact = {way: {"tolerance": 0.0, **ways.get(way, {})} for way in ("scale_up", "scale_down")}
    policy = a_policy(
        min=case.get("min_replicas", 0),
        max=case.get("max_replicas", MOST),
        metrics=[a_metric("load", average_value=1)],
        behavior=exact,
    )
    seen = observe(
        a_service(case["current_replicas"]), {"load": value(case["desired_before_limits"])}
    )
    return decide(policy, seen, memory)[1]


def _sized(decision: Decision) -> Answer:
    action = decision.action
    return {"expected_replicas": decision.current if action is None else action.replicas}


def _reasoned(case: Case, decision: Decision) -> Answer:
    return {**_sized(decision), "expected_reason": limited(case, decision)}


def limited(case: Case, decision: Decision) -> str:
    """Kubernetes' name for what bounded a decision."""
    guard = decision.verdicts[-1].guard if decision.verdicts else ""
    current, wanted = decision.current or 0, decision.wanted
    grows = wanted is not None and wanted > current
    if guard == "rate_limit":
        return "ScaleUpLimit" if grows else "ScaleDownLimit"
    if guard == "bounds":
        return "TooManyReplicas" if grows else "TooFewReplicas"
    if not case["min_replicas"] <= current <= case["max_replicas"]:
        return "TooFewReplicas" if grows else "TooManyReplicas"
    return "DesiredWithinRange"


SUBKINDS: dict[str, Callable[[Case], Answer]] = {
    "rate_limit": _rate_limit,
    "scale_up_limit": _scale_up_limit,
    "scale_down_limit": _scale_down_limit,
    "legacy_limits_no_behavior": _legacy_limits,
    "legacy_stabilization_no_behavior": _legacy_stabilization,
    "stabilization": _stabilization,
    "store_scale_event": _store_scale_event,
}
