"""Nomad's words in this project's: checks as metrics, actions as numbers of replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from autoscaler.decide import asking
from autoscaler.model import Memory, Quality, Recommendation, Sample
from autoscaler.policy import Policy
from autoscaler.ports import Query
from autoscaler.sources.constant import ConstantSource
from autoscaler.testing.builders import NOW, a_policy, a_service, observe, value
from tests.conformance.judging import Answer, Case

NAME = "check"
POINTS = "5"
"""Nomad's own number of points within the bounds, where a check states none."""
THRESHOLD = "0.01"
SIZE = 100_000
"""The replicas that actions without a present count are told from."""

_BAND = {
    "lower_bound": "lower",
    "upper_bound": "upper",
    "delta": "change",
    "percentage": "percent",
    "value": "replicas",
}
_LIMITS = {"max_scale_up": "max_scale_up", "max_scale_down": "max_scale_down"}


def policy(case: Case) -> Policy:
    """The policy of one check. Raises pydantic's ValidationError."""
    config = case["config"]
    threshold = config.get("threshold", THRESHOLD)
    tolerant = {"tolerance": threshold}
    return a_policy(
        min=0,
        max=1_000_000,
        metrics=[{"name": NAME, **_METRICS[case["strategy"]](config)}],
        behavior={"scale_up": tolerant, "scale_down": tolerant},
    )


def _renamed(config: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {ours: config[theirs] for theirs, ours in names.items() if theirs in config}


def _target(config: Mapping[str, str]) -> dict[str, Any]:
    return {"query": "q", "target": _renamed(config, {"target": "value", **_LIMITS})}


def _step(config: Mapping[str, str]) -> dict[str, Any]:
    points = config.get("within_bounds_trigger", POINTS)
    band = _renamed(config, _BAND)
    return {"query": "q", "step": {"steps": [band], "window": "1h", "points": points}}


def _pass_through(config: Mapping[str, str]) -> dict[str, Any]:
    return {"query": "q", "pass_through": _renamed(config, _LIMITS)}


def _fixed(config: Mapping[str, str]) -> dict[str, Any]:
    return {"source": "constant", **_renamed(config, {"value": "value"}), "pass_through": {}}


_METRICS = {
    "target-value": _target,
    "threshold": _step,
    "pass-through": _pass_through,
    "fixed-value": _fixed,
}


def samples(case: Case, checked: Policy) -> Sequence[Sample]:
    """The points of a check in their order; a fixed value is a constant source's answer."""
    if case["strategy"] == "fixed-value":
        return [_constant(checked)]
    times = range(-len(case["metrics"]), 0)
    points = zip(case["metrics"], times, strict=True)
    return [value(float(point["value"]), at=NOW + ago) for point, ago in points]


def _constant(checked: Policy) -> Sample:
    assert checked.scale is not None
    source = ConstantSource(ConstantSource.Settings(), clock=lambda: NOW)
    query = Query(checked.scale.metrics[0].options, a_service())
    (sample,) = asyncio.run(source.read([query], {}))
    assert sample.quality is Quality.VALUE
    return sample


def recommended(checked: Policy, points: Sequence[Sample], count: int) -> Recommendation:
    """What the check's metric recommends, once it has been led through its points."""
    assert checked.scale is not None
    service, memory = a_service(count), Memory()
    seen = observe(service)
    _, (found,) = asking.recommend(checked.scale, seen, memory)
    for point in points:
        seen = observe(service, {NAME: point}, now=point.at or NOW)
        strategies, (found,) = asking.recommend(checked.scale, seen, memory)
        memory = Memory(strategies=strategies)
    return found


def change(replicas: int, count: int) -> Answer:
    """A number of replicas as a direction and a count, which Nomad leaves out for "none"."""
    if replicas == count:
        return {"direction": "none", "count": None}
    return {"direction": "up" if replicas > count else "down", "count": replicas}


def replicas(action: Case) -> int:
    """An action that states no present count, seen from a service of SIZE replicas."""
    if action["direction"] == "none":
        return SIZE
    return SIZE + 1 + int(action["count"]) if action["direction"] == "up" else int(action["count"])


def asks(name: str, group: str = "") -> dict[str, Any]:
    """A metric that asks for as many replicas as its sample says."""
    return {"name": name, "query": name, "group": group, "pass_through": {}}
