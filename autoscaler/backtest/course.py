"""One policy over one history: every pass, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from autoscaler.backtest.history import Passes, Told
from autoscaler.backtest.measures import Quality, Span, quality
from autoscaler.backtest.plant import NAME, Plant
from autoscaler.backtest.replay import Step, replay
from autoscaler.errors import Invalid
from autoscaler.model import Quality as Worth
from autoscaler.model import Sample, Service
from autoscaler.policy import Metric, Policy
from autoscaler.strategies.predictive import Predictive
from autoscaler.strategies.target import Target


@dataclass(frozen=True, slots=True)
class Load:
    """What the service must carry: a metric, and how much of it one replica carries."""

    metric: str
    per_replica: float

    def needs(self, sample: Sample) -> int | None:
        """The fewest replicas that carry it, at least one; None where it is not known."""
        if sample.quality is not Worth.VALUE:
            return None
        return max(1, ceil(sample.total / self.per_replica - 1e-9))


@dataclass(frozen=True, slots=True)
class World:
    """What a replay assumes of the service."""

    start_delay: float
    """Seconds from a decision until a replica that it adds carries load; stopping is instant."""
    replicas: int | None = None
    """How many there are at first; unless stated, as many as the load needs, within bounds."""
    closed: bool = False
    """Whether a utilization follows from the load and the replicas that run."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What is kept of a pass: a replay may have two million of them."""

    at: float
    running: int
    """Replicas that ran when it was made."""
    acted: bool
    held_by: str | None
    """The guard that kept the service from what was wanted."""


@dataclass(frozen=True, slots=True)
class Course:
    """A policy's replay."""

    policy: str
    load: Load
    passes: Passes
    steps: tuple[Passed, ...]
    demand: tuple[int | None, ...]
    """By pass; None where it is not known."""
    quality: Quality | None
    """None where the demand was never known."""
    held: Mapping[str, float]
    """Seconds that each guard kept the service from what was wanted."""

    @property
    def actions(self) -> int:
        """Changes of the number of replicas."""
        return sum(step.acted for step in self.steps)

    @property
    def replica_hours(self) -> float:
        """Replicas that ran, times hours."""
        return sum(step.running for step in self.steps) * self.passes.every / 3600

    @property
    def unknown(self) -> float:
        """Seconds in which the demand was not known; no measure counts them."""
        return sum(needed is None for needed in self.demand) * self.passes.every


def metrics_of(policy: Policy, *, closed: bool) -> tuple[Metric, ...]:
    """The metrics that history must tell. Raises Invalid where there is nothing to replay."""
    if policy.scale is None:
        raise Invalid(f"policy {policy.name} does not scale: there is nothing to replay")
    return tuple(each for each in policy.scale.metrics if not (closed and _by_share(each)))


def load_of(policy: Policy, named: str | None, capacity: float | None) -> Load:
    """What is taken for the load: what is named, or the first metric with an `average_value`.

    `capacity` says how much of it a replica carries; that `average_value` unless stated. Raises
    Invalid that says what to state.
    """
    averages = {each.name: _average_value(each) for each in metrics_of(policy, closed=False)}
    shared = [name for name, average in averages.items() if average]
    name = named or next(iter(shared), None)
    per_replica = capacity or averages.get(name or "")
    if name is None or not per_replica:
        raise Invalid(
            "how much a replica carries is not known: state --load and --capacity;"
            f" the metrics are {', '.join(averages) or 'none'}"
        )
    return Load(name, per_replica)


def _average_value(metric: Metric) -> float | None:
    strategy = metric.strategy
    return strategy.average_value if isinstance(strategy, Target | Predictive) else None


def _by_share(metric: Metric) -> bool:
    return isinstance(metric.strategy, Target) and metric.strategy.utilization is not None


def course(policy: Policy, told: Told, passes: Passes, load: Load, world: World) -> Course:
    """Replay a policy over what its metrics, and the load, told."""
    demand = tuple(load.needs(sample) for sample in told[load.metric])
    plant = Plant(_begin(policy, demand, world), world.start_delay, _service())
    places = {moment: place for place, moment in enumerate(passes.moments)}

    def measure(now: float, plant: Plant) -> Mapping[str, Sample]:
        samples = {name: found[places[now]] for name, found in told.items()}
        if world.closed:
            samples |= _utilizations(policy, samples[load.metric], load, plant.running(now), now)
        return samples

    steps = tuple(map(_passed, replay(policy, plant, passes.moments, measure)))
    return Course(
        policy=policy.name,
        load=load,
        passes=passes,
        steps=steps,
        demand=demand,
        quality=_quality(steps, demand, passes.every),
        held=_held(steps, passes.every),
    )


def _passed(step: Step) -> Passed:
    decision = step.decision
    return Passed(step.at, step.running, decision.action is not None, decision.held_by)


def _service() -> Service:
    return Service(id=NAME, name=NAME, version=1)


def _begin(policy: Policy, demand: tuple[int | None, ...], world: World) -> int:
    if world.replicas is not None:
        return world.replicas
    first = next((needed for needed in demand if needed is not None), 1)
    scale = policy.scale
    return min(max(first, scale.min), scale.max) if scale else first


def _utilizations(
    policy: Policy, carried: Sample, load: Load, running: int, now: float
) -> Mapping[str, Sample]:
    """In the closed loop: the share of what the running replicas carry, in percent."""
    metrics = policy.scale.metrics if policy.scale else ()
    asking = [metric.name for metric in metrics if _by_share(metric)]
    if carried.quality is not Worth.VALUE:
        return dict.fromkeys(asking, carried)
    if not running:
        return dict.fromkeys(asking, Sample(quality=Worth.NO_DATA, detail="no replica runs"))
    percent = 100.0 * carried.total / (load.per_replica * running)
    return dict.fromkeys(asking, Sample(quality=Worth.VALUE, value=percent, at=now))


def _quality(
    steps: tuple[Passed, ...], demand: tuple[int | None, ...], every: float
) -> Quality | None:
    spans, actions = [], 0
    for step, needed in zip(steps, demand, strict=True):
        if needed is not None:
            spans.append(Span(every, needed, step.running))
            actions += step.acted
    return quality(spans, actions) if spans else None


def _held(steps: tuple[Passed, ...], every: float) -> dict[str, float]:
    held = Counter(step.held_by for step in steps if step.held_by)
    return {str(guard): count * every for guard, count in held.most_common()}
