"""Cases of the same form with other numbers, each expected as the oracle reckons."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.conformance import hpa_oracle as oracle

Made = dict[str, Any]


def cases(kind: str, count: int, seed: int) -> Iterator[Made]:
    """So many cases of a kind; the same seed makes the same."""
    random = Random(seed)
    for number in range(count):
        case = {"id": f"{kind}-{number}", "kind": kind.partition("/")[0], **MAKERS[kind](random)}
        yield {**case, "a_field_nobody_knows": number}


def _pods(random: Random, count: int) -> list[Made]:
    """Mostly ready ones."""
    return [
        {
            "name": f"p{number}",
            "phase": random.choices(("Running", "Pending", "Failed", "Succeeded"), (12, 2, 1, 1))[
                0
            ],
            "ready": random.random() < 0.8,
            "start": random.choice(("old", "cool", "hot")),
            "deleting": random.random() < 0.1,
        }
        for number in range(count)
    ]


def _around(random: Random, center: float) -> int:
    """Often near, sometimes far off, sometimes exact."""
    return round(
        center * random.choice((1.0, 0.9, 1.1, random.uniform(0, 3), random.uniform(0.8, 1.2)))
    )


def _some(random: Random) -> Made:
    tolerance = {"scale_up": 0.1, "scale_down": 0.1}
    if random.random() < 0.3:
        tolerance = {"scale_up": random.choice((0.0, 0.5, 2.0)), "scale_down": random.random()}
    return {"current_replicas": random.randint(1, 40), "tolerance": tolerance}


def _sampled(random: Random, center: float, pods: int) -> list[int]:
    return [
        _around(random, center) for _ in range(random.choice((pods, pods, random.randint(0, pods))))
    ]


def _expecting(case: Made, found: Any, average: str) -> Made:
    if found is None:
        return {**case, "expected_error": "nothing to go by"}
    return {**case, "expected_replicas": found[0], average: found[1]}


def _utilization(random: Random) -> Made:
    pods = _pods(random, random.randint(1, 12))
    percent, request = random.randint(1, 250), random.choice((1, 100, 1000, 64_000))
    requests = [request * random.choice((1, 1, 2)) for _ in pods]
    usage = _sampled(random, request * percent / 100, len(pods))
    case = {
        **_some(random),
        "resource": random.choice(("cpu", "memory")),
        "pods": pods,
        "pod_requests_milli": requests,
        "pod_usage_milli": usage,
        "target_utilization_percent": percent,
    }
    return _expecting(case, oracle.per_pod(case, usage, requests), "expected_utilization_percent")


def _plain(key: str, resource: Made) -> Any:
    def made(random: Random) -> Made:
        pods = _pods(random, random.randint(1, 12))
        target = random.choice((1, 15_000, 10**9, random.randint(2, 10**6)))
        usage = _sampled(random, target, len(pods))
        given = {**_some(random), **resource, "pods": pods, "target_average_value_milli": target}
        case = {**given, key: usage}
        return _expecting(case, oracle.per_pod(case, usage, None), "expected_average_milli")

    return made


def _value(random: Random) -> Made:
    target, some = random.randint(1, 10**6), _some(random)
    current = random.choice((0, some["current_replicas"]))
    case = {
        **some,
        "current_replicas": current,
        # One on its way out is ready to Kubernetes while it runs; to us it is not.
        "pods": [{**pod, "deleting": False} for pod in _pods(random, current)],
        "target_value_milli": target,
        "metric_values_milli": [_around(random, target / 2) for _ in range(random.randint(1, 3))],
    }
    return _expecting(case, oracle.one_value(case), "expected_usage_milli")


def _total(random: Random) -> Made:
    target, some = random.randint(1, 10**6), _some(random)
    current = random.choice((0, some["current_replicas"], random.randint(1, 10_000)))
    case = {
        **some,
        "current_replicas": current,
        "target_average_value_milli": target,
        "metric_values_milli": [_around(random, target * max(1, current))],
    }
    return _expecting(case, oracle.one_total(case), "expected_per_pod_average_milli")


def _rules(random: Random) -> Made:
    policies = [
        {
            "type": random.choice(("Pods", "Percent")),
            "value": random.choice((1, 4, 10, 50, 100, random.randint(1, 1000))),
            "period_s": random.choice((15, 60, 120, 1800)),
        }
        for _ in range(random.randint(1, 3))
    ]
    select = random.choices(("Max", "Min", "Disabled"), (5, 5, 1))[0]
    return {"stabilization_window_s": 0, "select_policy": select, "policies": policies}


def _events(random: Random) -> list[Made]:
    ages = (1, 14, 15, 59, 61, 119, 121, 1700)
    return [
        {"replica_change": random.randint(1, 30), "age_s": random.choice(ages)}
        for _ in range(random.randint(0, 4))
    ]


def _rate_limit(random: Random) -> Made:
    low, high = sorted((random.randint(0, 300), random.randint(1, 2000)))
    current = random.randint(max(low, 1), max(high, 1))
    case = {
        "subkind": "rate_limit",
        "min_replicas": low,
        "max_replicas": max(high, 1),
        "current_replicas": current,
        "desired_before_limits": random.randint(0, 3000),
        **{way: _rules(random) for way in ("scale_up", "scale_down")},
        **{f"{way}_events": _events(random) for way in ("scale_up", "scale_down")},
    }
    replicas, reason = oracle.limited(case)
    return {**case, "expected_replicas": replicas, "expected_reason": reason}


def _stabilization(random: Random) -> Made:
    windows = (0, 60, 300, 3600)
    case = {
        "subkind": "stabilization",
        "current_replicas": random.randint(1, 50),
        "desired_before_limits": random.randint(1, 50),
        "scale_up_stabilization_window_s": random.choice(windows),
        "scale_down_stabilization_window_s": random.choice(windows),
        "recommendations": random.choice(([], _logged(random))),
    }
    return {**case, "expected_replicas": oracle.stabilized(case)}


def _reconcile(random: Random) -> Made:
    low, high = random.randint(1, 10), random.randint(10, 100)
    case = {
        "min_replicas": low,
        "max_replicas": high,
        "spec_replicas": random.randint(1, 110),
        "metrics": [_metric(random) for _ in range(random.randint(1, 3))],
        "prior_recommendations": random.choice(("initial", [], _logged(random))),
        "behavior": {way: _some_rules(random) for way in ("scale_up", "scale_down")},
    }
    case["status_replicas"] = case["spec_replicas"]
    replicas, active = oracle.reconciled(case)
    conditions = {"ScalingActive": active} if active else {}
    return {**case, "expected_replicas": replicas, "expected_conditions": conditions}


def _metric(random: Random) -> Made:
    source = random.choice(("Object", "External"))
    if random.random() < 0.2:
        return {"type": source, "error": True}
    target = random.randint(1, 10**6)
    if random.random() < 0.5:
        seen = [_around(random, target)]
        return {"type": source, "target_value_milli": target, "metric_values_milli": seen}
    seen = [_around(random, target * random.randint(1, 60))]
    return {"type": source, "target_average_value_milli": target, "metric_values_milli": seen}


def _some_rules(random: Random) -> Made:
    stated = {**_rules(random), "stabilization_window_s": random.choice((0, 60, 300))}
    stated["tolerance"] = random.choice((0.0, 0.1, 0.3))
    return {key: value for key, value in stated.items() if random.random() < 0.6}


def _logged(random: Random) -> list[Made]:
    ages = (1, 59, 61, 299, 301)
    return [
        {"replicas": random.randint(1, 60), "age_s": random.choice(ages)}
        for _ in range(random.randint(1, 4))
    ]


MAKERS: dict[str, Any] = {
    "resource_utilization": _utilization,
    "resource_raw": _plain("pod_usage_milli", {"resource": "cpu"}),
    "pods": _plain("pod_metric_milli", {}),
    "object": _value,
    "external": _value,
    "object_per_pod": _total,
    "external_per_pod": _total,
    "behavior/rate_limit": _rate_limit,
    "behavior/stabilization": _stabilization,
    "reconcile": _reconcile,
}
