"""HPA's documented formulas, written anew in milli-units: what the product must agree with.

Nothing of the product is imported here. The formulas are those of Kubernetes'
`replica_calculator.go` and `horizontal.go`; the floats are where upstream has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Case = Mapping[str, Any]

MOST = 2**31 - 1


def within(ratio: float, tolerance: Case) -> bool:
    """The dead band, both ends of it inside."""
    return bool(1.0 - tolerance["scale_down"] <= ratio <= 1.0 + tolerance["scale_up"])


def whole(replicas: float) -> int:
    """Rounded up, and no more than a count may be."""
    return min(math.ceil(replicas), MOST)


def sorts(case: Case, sampled: Sequence[Any]) -> dict[str, list[int]]:
    """The positions of pods by what they contribute; `sampled` pods have a sample."""
    found: dict[str, list[int]] = {"ready": [], "unready": [], "missing": [], "ignored": []}
    for place, pod in enumerate(case["pods"]):
        found[_sort(pod, place < len(sampled), case.get("resource") == "cpu")].append(place)
    return found


def _sort(pod: Case, sampled: bool, cpu: bool) -> str:
    if pod["deleting"] or pod["phase"] in ("Failed", "Succeeded"):
        return "ignored"
    if pod["phase"] == "Pending":
        return "unready"
    if not sampled:
        return "missing"
    # "old" never became unready, "hot" has no full window yet, "cool" is past its start.
    never_ready = pod["start"] in ("old", "cool") and not pod["ready"]
    return "unready" if cpu and (pod["start"] == "hot" or never_ready) else "ready"


def per_pod(case: Case, usage: Sequence[int], requests: Sequence[int] | None) -> Any:
    """Replicas and the average behind them; None where there is nothing to go by."""
    pods = sorts(case, usage)
    known = {place: usage[place] for place in pods["ready"]}
    if not known:
        return None
    average, ratio = _average(case, known, requests)
    rising = bool(pods["unready"]) and ratio > 1.0
    current, tolerance = case["current_replicas"], case["tolerance"]
    if not rising and not pods["missing"]:
        return current if within(ratio, tolerance) else whole(ratio * len(known)), average
    for place in pods["missing"]:
        if ratio != 1.0:
            known[place] = _full(case, place, requests) if ratio < 1.0 else 0
    known.update(dict.fromkeys(pods["unready"] if rising else (), 0))
    again = _average(case, known, requests)[1]
    return _damped(ratio, again, len(known), current, tolerance), average


def _average(
    case: Case, known: Mapping[int, int], requests: Sequence[int] | None
) -> tuple[int, float]:
    if requests is None:
        average = sum(known.values()) // len(known)
        return average, average / case["target_average_value_milli"]
    percent = sum(known.values()) * 100 // sum(requests[place] for place in known)
    return percent, percent / case["target_utilization_percent"]


def _full(case: Case, place: int, requests: Sequence[int] | None) -> int:
    if requests is None:
        return int(case["target_average_value_milli"])
    return requests[place] * max(100, int(case["target_utilization_percent"])) // 100


def _damped(ratio: float, again: float, count: int, current: int, tolerance: Case) -> int:
    if within(again, tolerance) or ratio < 1.0 < again or ratio > 1.0 > again:
        return current
    replicas = whole(again * count)
    if (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current):
        return current
    return replicas


def one_value(case: Case) -> tuple[int, int]:
    """`value`: replicas and the usage."""
    usage, current = sum(case["metric_values_milli"]), case["current_replicas"]
    ratio = usage / case["target_value_milli"]
    if current == 0:
        return whole(ratio), usage
    ready = sum(pod["phase"] == "Running" and pod["ready"] for pod in case["pods"])
    return current if within(ratio, case["tolerance"]) else whole(ratio * ready), usage


def one_total(case: Case) -> tuple[int, int]:
    """`averageValue` of a total: replicas and what each has to carry."""
    usage, target = sum(case["metric_values_milli"]), case["target_average_value_milli"]
    current = case["current_replicas"]
    average = math.ceil(usage / current) if current else 0
    if current and within(usage / (target * current), case["tolerance"]):
        return current, average
    return whole(usage / target), average


def stabilized(case: Case) -> int:
    """The recommendation, as far as the windows let it through."""
    raw, current = case["desired_before_limits"], case["current_replicas"]
    up, down = case["scale_up_stabilization_window_s"], case["scale_down_stabilization_window_s"]
    logged = case["recommendations"]
    lowest = min([raw, *(r["replicas"] for r in logged if r["age_s"] < up)])
    highest = max([raw, *(r["replicas"] for r in logged if r["age_s"] < down)])
    return int(min(max(current, lowest), highest))


def limited(case: Case) -> tuple[int, str]:
    """The recommendation within rate limits and bounds, and what bounded it."""
    raw, current = case["desired_before_limits"], case["current_replicas"]
    if raw > current:
        limit = max(current, _limit(case, "scale_up"))
        most = min(case["max_replicas"], limit)
        reason = "TooManyReplicas" if case["max_replicas"] < limit else "ScaleUpLimit"
        return (most, reason) if raw > most else (raw, "DesiredWithinRange")
    limit = min(current, _limit(case, "scale_down"))
    least = max(case["min_replicas"], limit)
    reason = "TooFewReplicas" if case["min_replicas"] > limit else "ScaleDownLimit"
    return (least, reason) if raw < least else (raw, "DesiredWithinRange")


def _limit(case: Case, way: str) -> int:
    rules, up = case[way], way == "scale_up"
    if rules["select_policy"] == "Disabled":
        return int(case["current_replicas"])
    widest = max if up else min
    narrowest = min if up else max
    pick = widest if rules["select_policy"] == "Max" else narrowest
    return int(pick(_proposed(case, policy, up) for policy in rules["policies"]))


def _proposed(case: Case, policy: Case, up: bool) -> int:
    def changed(events: Sequence[Case]) -> int:
        return sum(e["replica_change"] for e in events if e["age_s"] < policy["period_s"])

    start = case["current_replicas"]
    start += changed(case["scale_down_events"]) - changed(case["scale_up_events"])
    change = policy["value"] if up else -policy["value"]
    if policy["type"] == "Pods":
        return int(start + change)
    # In whole numbers: upstream's binary fractions make 56 of 50 and 10 %.
    return int(-(-start * (100 + change) // 100) if up else start * (100 + change) // 100)


DEFAULT = {
    "scale_up": {
        "select_policy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "period_s": 15},
            {"type": "Percent", "value": 100, "period_s": 15},
        ],
    },
    "scale_down": {
        "select_policy": "Max",
        "policies": [{"type": "Percent", "value": 100, "period_s": 15}],
    },
}


def reconciled(case: Case) -> tuple[int, str]:
    """Where a whole reconciliation ends, and whether scaling was active."""
    current = case["spec_replicas"]
    if not case["min_replicas"] <= current <= case["max_replicas"]:
        return min(max(current, case["min_replicas"]), case["max_replicas"]), ""
    proposals = [None if "error" in m else _of_metric(case, m) for m in case["metrics"]]
    known = [proposal for proposal in proposals if proposal is not None]
    if not known or (len(known) < len(proposals) and max(known) < current):
        return current, f"False/FailedGet{case['metrics'][proposals.index(None)]['type']}Metric"
    rules = {way: {**DEFAULT[way], **case["behavior"].get(way, {})} for way in DEFAULT}
    logged = case["prior_recommendations"]
    steps = {
        **case,
        **rules,
        "current_replicas": current,
        "desired_before_limits": max(known),
        "scale_up_stabilization_window_s": rules["scale_up"].get("stabilization_window_s", 0),
        "scale_down_stabilization_window_s": rules["scale_down"].get("stabilization_window_s", 300),
        "recommendations": [{"replicas": current, "age_s": 0}] if logged == "initial" else logged,
        "scale_up_events": [],
        "scale_down_events": [],
    }
    steps["desired_before_limits"] = stabilized(steps)
    return limited(steps)[0], "True/ValidMetricFound"


def _of_metric(case: Case, metric: Case) -> int:
    behavior = case["behavior"]
    ways = ("scale_up", "scale_down")
    asked = {
        **metric,
        "current_replicas": case["spec_replicas"],
        "tolerance": {way: behavior.get(way, {}).get("tolerance", 0.1) for way in ways},
        "pods": [{"phase": "Running", "ready": True}] * case["spec_replicas"],
    }
    return (one_value if "target_value_milli" in metric else one_total)(asked)[0]
