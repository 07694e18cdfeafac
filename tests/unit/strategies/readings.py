"""Readings for tests of strategies."""

from __future__ import annotations

from typing import Any

from autoscaler.model import Recommendation, Sample
from autoscaler.ports import Reading, Strategy
from autoscaler.testing.builders import NOW, a_service, observe, value


def reading(sample: Sample | float, replicas: int = 3, *, now: float = NOW, **seen: Any) -> Reading:
    """The metric `load` of a service in one pass."""
    answer = value(sample) if isinstance(sample, int | float) else sample
    samples = {"load": answer, **seen.pop("samples", {})}
    observation = observe(a_service(replicas), samples, now=now, **seen)
    return Reading(name="load", sample=answer, observation=observation)


def recommend(
    strategy: Strategy, sample: Sample | float, replicas: int = 3, **seen: Any
) -> Recommendation:
    """What a strategy that remembers nothing yet says."""
    return strategy.step(None, reading(sample, replicas, **seen))[1]
