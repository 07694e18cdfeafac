"""The health of services as it is told of: what is not known for a moment is told as before.

After each change of a service its tasks are not known until they are listed again. That is no
news; that they stay unknown is.
"""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import Decision, Health, Standing

MOMENT = 60.0
"""Seconds for which the health may be unknown before that is told."""
HEALTHY = Standing(state=Health.HEALTHY)


class Wellbeing:
    """How each service was when that was last told."""

    def __init__(self) -> None:
        self._told: dict[str, Standing] = {}
        self._unknown: dict[str, float] = {}

    def of(self, decision: Decision) -> Decision:
        """The decision, with the last known health in place of one that is unknown for a moment."""
        health, service = decision.health, decision.service
        if health is None or health.state is not Health.UNKNOWN:
            self._unknown.pop(service, None)
            return decision
        since = self._unknown.setdefault(service, decision.at)
        if 0 <= decision.at - since < MOMENT:
            return replace(decision, health=self._told.get(service, HEALTHY))
        return decision

    def turn(self, decision: Decision) -> tuple[Health, Health] | None:
        """From which state to which one a service has come with a decision."""
        if decision.health is None:
            return None
        before = self._told.get(decision.service, HEALTHY).state
        self._told[decision.service] = decision.health
        return None if decision.health.state is before else (before, decision.health.state)

    def forget(self, service: str) -> None:
        """A service, by name, was removed, or no policy covers it."""
        self._told.pop(service, None)
        self._unknown.pop(service, None)
