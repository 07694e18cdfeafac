"""Each metric's strategy takes its step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from autoscaler.decide import once, trust
from autoscaler.decide.bounds import may_be_zero
from autoscaler.model import Memory, Observation, Recommendation
from autoscaler.policy import Metric, Scale
from autoscaler.ports import Reading, Strategy


def recommend(
    scale: Scale, observation: Observation, memory: Memory
) -> tuple[Mapping[str, Any], tuple[Recommendation, ...]]:
    """What each metric would have, and what its strategy remembers."""
    remembered: dict[str, Any] = {}
    recommendations = []
    for metric in scale.metrics:
        after, recommendation = _step(metric, scale, observation, memory)
        if after is not None:
            remembered[metric.name] = after
        recommendations.append(_excused(metric, recommendation))
    return remembered, tuple(recommendations)


def _step(
    metric: Metric, scale: Scale, observation: Observation, known: Memory
) -> tuple[Any, Recommendation]:
    sample, memory = observation.samples.get(metric.name), known.strategies.get(metric.name)
    doubt = trust.distrust(sample)
    if sample is None or doubt is not None:
        return memory, Recommendation(name=metric.name, replicas=None, reason=str(doubt))
    reading = Reading(
        name=metric.name,
        sample=sample,
        observation=observation,
        tolerance_up=scale.behavior.scale_up.tolerance,
        tolerance_down=scale.behavior.scale_down.tolerance,
        warm_up=scale.warm_up,
    )
    after, recommendation = cast("Strategy", metric.strategy).step(memory, reading)
    _check(metric, after, recommendation)
    recommendation = once.only(recommendation, sample, reading.current, known)
    if metric.activation is not None and may_be_zero(scale, observation.windows):
        recommendation = _activated(metric.activation, reading, recommendation)
    return after, recommendation


def _check(metric: Metric, memory: Any, found: Recommendation) -> None:
    """A strategy's mistake stays its own: what it says must be storable. Raises TypeError."""
    if found.replicas is not None and type(found.replicas) is not int:
        raise TypeError(f"metric {metric.name!r}: {found.replicas!r} is no whole number")
    found.reason.encode()
    if memory is not None:
        json.dumps(memory, ensure_ascii=False).encode()


def _activated(activation: float, reading: Reading, found: Recommendation) -> Recommendation:
    """Around zero the activation threshold has the say, as in KEDA; above a minimum it has none.

    What cannot be said without it cannot be said with it either: unknown is not zero.
    """
    if found.replicas is None:
        return found
    if reading.total <= activation:
        if reading.silent:
            told = f"{reading.silent} of its tasks gave no sample"
            return replace(found, replicas=None, reason=told)
        told = f"{reading.total:g} does not exceed the activation {activation:g}"
        return replace(found, replicas=0, reason=told)
    if found.replicas == 0:
        return replace(found, replicas=1, reason=f"{found.reason}; active above zero")
    return found


def _excused(metric: Metric, found: Recommendation) -> Recommendation:
    """A metric that may fail has no say while it does."""
    if found.replicas is None and metric.on_error == "ignore":
        return replace(found, abstains=True)
    return found
