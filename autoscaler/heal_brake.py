"""The fleet's brake on healing: one service at a time, and none when much is sick at once.

What looks like many sick services is more often one sick network, node or image registry, and
what did not help three services will not help the fourth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from autoscaler.decide import health
from autoscaler.model import Act, Action, FleetFacts, Memory, Node, NodeState, Service
from autoscaler.view import View


@dataclass(frozen=True, slots=True)
class HealLimits:
    """What the brake allows."""

    every: float = 10.0
    """Seconds between two heals of any services."""
    sick: int = 3
    """Up to so many sick services, or nodes, less one, are healed whatever their share is."""
    services: float = 0.4
    """Share of the watched services that may not be sick at once."""
    nodes: float = 0.55
    """Share of the nodes that may not be sick at once."""
    failed: int = 3
    """On so many services a cure may fail before it is tried on no other."""
    judged_after: float = 60.0
    """Seconds after which a heal that did not help counts as failed."""


class HealBrake:
    """Counts heals from the moment that they are decided, and looks at the whole fleet."""

    def __init__(self, memories: Mapping[str, Memory], limits: HealLimits | None = None) -> None:
        self._limits = limits or HealLimits()
        self._memories = memories
        attempts = [each.at for memory in memories.values() for each in memory.healing.attempts]
        self._last = max(attempts, default=None)
        self._uncovered: set[str] = set()

    def watches(self, service_id: str, *, covered: bool) -> None:
        """Whether a policy covers a service: one that none covers is nobody's patient."""
        (self._uncovered.discard if covered else self._uncovered.add)(service_id)

    def begin(self, action: Action, now: float) -> None:
        """An action has been decided; those that heal draw from the budget."""
        if action.heals:
            self._last = now if self._last is None else max(now, self._last)

    def with_budget(self, facts: FleetFacts, now: float) -> FleetFacts:
        """When the next heal may be; cheap enough for every pass."""
        if self._last is None:
            return facts
        if self._last > now + self._limits.every:
            # The clock has been set back since.
            self._last = now
        return replace(facts, heal_at=self._last + self._limits.every)

    def with_fleet(self, facts: FleetFacts, view: View, now: float) -> FleetFacts:
        """Whether the fleet is well enough to heal one of its services."""
        keys = (key for key in self._memories if key not in self._uncovered)
        watched = [view.services[key] for key in keys if key in view.services]
        sick = [each for each in watched if self._sick(each, view, now)]
        stop = self._nodes(view.fleet().nodes.values()) or self._services(len(sick), len(watched))
        failed = self._failed(sick, now)
        return replace(facts, heal_stop=stop, failed_cures=failed)

    def _services(self, sick: int, watched: int) -> str | None:
        if sick < self._limits.sick or sick < self._limits.services * watched:
            return None
        return f"{sick} of {watched} services are sick at once: that is no single service's fault"

    def _nodes(self, nodes: Collection[Node]) -> str | None:
        unknown = [node.hostname for node in nodes if node.state is NodeState.UNKNOWN]
        if unknown:
            return f"the state of {len(unknown)} nodes is unknown: {', '.join(sorted(unknown)[:3])}"
        lost = sum(node.state is not NodeState.READY for node in nodes)
        if lost < self._limits.sick or lost < self._limits.nodes * len(nodes):
            return None
        return f"{lost} of {len(nodes)} nodes are lost at once"

    def _sick(self, service: Service, view: View, now: float) -> bool:
        """Whether its tasks say so, or its rules said so in the last pass over it."""
        standing = health.plain(service, view.tasks.get(service.id), now)
        return standing.state.sick or self._memories[service.id].healing.ailing

    def _failed(self, sick: Iterable[Service], now: float) -> tuple[Act, ...]:
        """Cures after which enough services are still sick."""
        counts: Counter[Act] = Counter()
        for service in sick:
            run = self._memories[service.id].healing.run
            if run and now >= run[-1].at + self._limits.judged_after:
                counts.update({each.act for each in run})
        return tuple(sorted(act for act, count in counts.items() if count >= self._limits.failed))
