"""What may follow a load: peers' rules, the product's own presets, and two references.

Each turns the load as it is sampled into the replicas that are asked for, at each step of the
trace. `headroom` is by how much more than the load is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from autoscaler import policy as policies
from autoscaler.backtest.plant import NAME, Plant
from autoscaler.backtest.replay import replay
from autoscaler.model import Quality, Sample
from bench.traces import Trace

MOST = 1_000_000
Asked = list[int]
"""The replicas that are asked for, at each step of a trace."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A way to follow a load."""

    name: str
    follow: Callable[[Trace, Sequence[float], float], Asked]
    """From a trace, its sampled rates and the headroom."""
    instant: bool = False
    """A reference to which replicas come without delay."""


def oracle(trace: Trace, rates: Sequence[float], headroom: float) -> Asked:
    """Knows the load in advance."""
    return trace.demand


def copy(trace: Trace, rates: Sequence[float], headroom: float) -> Asked:
    """Asks at once for what the load is seen to need, and no more."""
    return [max(1, ceil(headroom * rate / trace.unit - 1e-9)) for rate in rates]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One more above 80 % of what the replicas carry, one fewer below 30 %; a minute's rest."""

    upper: float = 0.8
    lower: float = 0.3
    rest: float = 60.0

    def __call__(self, trace: Trace, rates: Sequence[float], headroom: float) -> Asked:
        """Begins with what the load needs."""
        asked, acted, replicas = [], -self.rest, trace.demand[0]
        for step, rate in enumerate(rates):
            share = headroom * rate / (trace.unit * replicas)
            change = (share > self.upper) - (share < self.lower and replicas > 1)
            if change and step * trace.tick - acted >= self.rest:
                replicas, acted = replicas + change, step * trace.tick
            asked.append(replicas)
        return asked


@dataclass(frozen=True, slots=True)
class Policy:
    """The product's own decisions, by a policy."""

    scale: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the strategy, beside `average_value`."""
    every: float = 15.0
    """Seconds between two passes, at least a step of the trace."""
    window: float = 15.0
    """Seconds over which the rate is measured: on the average it is half as old."""
    strategy: str = "target"

    def __call__(self, trace: Trace, rates: Sequence[float], headroom: float) -> Asked:
        """Passes over the trace; between two of them what was asked for stands."""
        stride = max(1, round(self.every / trace.tick))
        seen = _averaged(rates, max(1, round(self.window / trace.tick)))
        plant = Plant(trace.demand[0], 0.0, lists_tasks=False)
        asked: Asked = []
        for step in self._steps(plant, trace, seen, stride, headroom):
            asked += [step] * min(stride, len(rates) - len(asked))
        return asked

    def _steps(
        self, plant: Plant, trace: Trace, seen: Sequence[float], stride: int, headroom: float
    ) -> Iterator[int]:
        moments = [number * trace.tick for number in range(0, len(seen), stride)]

        def measure(now: float, plant: Plant) -> Mapping[str, Sample]:
            rate = seen[round(now / trace.tick)]
            return {"load": Sample(quality=Quality.VALUE, value=rate, at=now)}

        for step in replay(self.policy(trace.unit / headroom), plant, moments, measure):
            action = step.decision.action
            yield action.replicas if action else plant.replicas

    def policy(self, average: float) -> policies.Policy:
        """For replicas that carry so much each."""
        options = {"average_value": average, **self.options}
        metric = {"name": "load", "query": "load", self.strategy: options}
        scale = {"min": 1, "max": MOST, "metrics": [metric], **self.scale}
        return policies.parse_policy({"name": "bench", "services": [NAME], "scale": scale})


def _averaged(rates: Sequence[float], steps: int) -> list[float]:
    """The mean of the last so many steps, at each step."""
    if steps == 1:
        return [*rates]
    total, averaged = 0.0, []
    for place, rate in enumerate(rates):
        total += rate - (rates[place - steps] if place >= steps else 0.0)
        averaged.append(max(0.0, total) / min(place + 1, steps))
    return averaged


def supply(trace: Trace, asked: Asked, delay: float) -> list[int]:
    """The replicas that run, when each needs `delay` seconds to start and none to stop."""
    plant, running = Plant(asked[0], delay), []
    for step, replicas in enumerate(asked):
        now = step * trace.tick
        if replicas != plant.replicas:
            plant.scale(replicas, now)
        running.append(plant.running(now))
    return running
