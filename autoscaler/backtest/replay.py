"""A policy over history, decided by the same code that decides in production."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from autoscaler.backtest.plant import Plant
from autoscaler.calendar_windows import Calendar
from autoscaler.decide import decide, recall
from autoscaler.model import Decision, Memory, Observation, Sample
from autoscaler.policy import Policy

Measure = Callable[[float, Plant], Mapping[str, Sample]]
"""What the metrics say at a time, by name, of a service in this state."""


@dataclass(frozen=True, slots=True)
class Step:
    """One pass."""

    at: float
    decision: Decision
    running: int
    """Replicas that ran when it was made."""


def replay(
    policy: Policy, plant: Plant, moments: Iterable[float], measure: Measure
) -> Iterator[Step]:
    """A pass at each moment, in order; what is decided is done at once."""
    memory, calendar = Memory(), Calendar()
    for now in moments:
        seen = _observe(policy, plant, now, measure, calendar)
        memory, decision = decide(policy, seen, memory)
        yield Step(now, decision, plant.running(now))
        if decision.action is not None:
            memory = recall.after(memory, decision.action, now)
            plant.scale(decision.action.replicas, now)


def _observe(
    policy: Policy, plant: Plant, now: float, measure: Measure, calendar: Calendar
) -> Observation:
    service, tasks = plant.observed(now)
    schedules = policy.scale.schedules if policy.scale else ()
    return Observation(
        now=now,
        service=service,
        tasks=tasks,
        samples=measure(now, plant),
        windows=tuple(s.name for s in schedules if calendar.phase(s, now).open),
    )
