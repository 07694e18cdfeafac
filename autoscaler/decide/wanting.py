"""What is wanted, before any guard: the bounds, then what a deploy took, then the metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoscaler.decide.bounds import Bounds
from autoscaler.model import Memory, Observation, Recommendation
from autoscaler.policy import Fallback, Scale


@dataclass(frozen=True, slots=True)
class Want:
    """A number of replicas, and why."""

    replicas: int | None
    """None when nothing can be said."""
    cause: str
    forced: bool = False
    """Metrics and their pace have no say: the bounds ask for it, or a deploy took it away."""
    without_data: bool = False
    """The policy's fallback asks for it."""
    missing: bool = False
    """Nothing can be said because data are missing, not because nobody has an opinion."""


def want(
    scale: Scale,
    bounds: Bounds,
    observation: Observation,
    memory: Memory,
    recommendations: Sequence[Recommendation],
) -> Want:
    """The first of these that has something to say."""
    current = observation.service.replicas or 0
    if not bounds.hold(current):
        by = bounds.min_by if current < bounds.min else bounds.max_by
        wanted = bounds.clamp(current)
        return Want(wanted, f"{current} is outside of {by}: {wanted}", forced=True)
    reset = memory.reset
    if reset is not None and bounds.clamp(reset.replicas) > current:
        cause = f"a deploy reset {reset.replicas} to {current}: they are put back"
        return Want(bounds.clamp(reset.replicas), cause, forced=True)
    return _by_metrics(scale, bounds, observation, memory, recommendations, current)


def _by_metrics(
    scale: Scale,
    bounds: Bounds,
    observation: Observation,
    memory: Memory,
    recommendations: Sequence[Recommendation],
    current: int,
) -> Want:
    if not recommendations:
        return _without_metrics(scale, bounds, current)
    unknown = [r for r in recommendations if r.replicas is None and not r.abstains]
    metrics = _combined(scale, recommendations, current)
    fallback = _fallback(scale, observation, memory, current) if unknown else None
    if fallback is not None and (metrics.replicas is None or fallback.replicas != current):
        return _larger(metrics, fallback)
    if metrics.replicas is None and unknown:
        told = f"no metric can be trusted; {unknown[0].name}: {unknown[0].reason}"
        return Want(None, told, missing=True)
    return metrics


def _without_metrics(scale: Scale, bounds: Bounds, current: int) -> Want:
    """Schedules alone say how many there are; bounds alone say only what may be."""
    if any(schedule.min is not None for schedule in scale.schedules):
        return Want(bounds.min, f"no metrics; {bounds.min_by} is {bounds.min}")
    return Want(current, "no metrics; within bounds")


def _combined(scale: Scale, recommendations: Sequence[Recommendation], current: int) -> Want:
    """The largest of what the groups would have; a metric without a group is its own."""
    groups: dict[str, list[Recommendation]] = defaultdict(list)
    winners: list[Recommendation] = []
    for metric, found in zip(scale.metrics, recommendations, strict=True):
        if found.replicas is not None:
            (groups[metric.group] if metric.group else winners).append(found)
    winners += [winner(group, current) for group in groups.values()]
    if not winners:
        first = recommendations[0]
        return Want(None, f"no metric has an opinion; {first.name}: {first.reason}")
    best = winners[0]
    for found in winners[1:]:
        if (found.replicas or 0) > (best.replicas or 0):
            best = found
    return Want(best.replicas, f"{best.name}: {best.reason}")


def winner(group: Iterable[Recommendation], current: int) -> Recommendation:
    """Who speaks for a group: up before down before content, and the larger number.

    So Nomad's check groups do: one that is content does not keep the others from shrinking.
    """
    return max(group, key=lambda found: _rank(found.replicas or 0, current))


def _rank(replicas: int, current: int) -> tuple[int, int]:
    if replicas > current:
        return 2, replicas
    return (1, replicas) if replicas < current else (0, replicas)


def _fallback(scale: Scale, observation: Observation, memory: Memory, current: int) -> Want | None:
    """What the policy falls back to, once data have been missing for long enough."""
    since = memory.missing_since
    if not isinstance(scale.on_missing, Fallback) or since is None:
        return None
    if observation.now < since + scale.on_missing.after:
        return None
    cause = f"fallback: data have been missing for {observation.now - since:.0f} s"
    return Want(scale.on_missing.applied(current), cause, without_data=True)


def _larger(metrics: Want, fallback: Want) -> Want:
    """With some metrics known and some not, the fallback never takes from the known."""
    if metrics.replicas is not None and metrics.replicas >= (fallback.replicas or 0):
        return metrics
    return fallback
