"""What would be done now; nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.model import Decision
from autoscaler.turns import Turns
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import Name, Part, part
from autoscaler.web.api.services import found, observed


class Planned(Part):
    """About what a plan is asked for."""

    service: Name | None = None
    """Only about this service."""


class Plan(Answer):
    """What a pass would decide now, by the samples that are known, about a part of the services."""

    items: list[Decision]
    next: str | None
    """`after` of the next part; null after the last one."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """The plan."""
    return [
        endpoint(
            _Planner(desk).plan,
            path="/plan",
            summary="What would be decided now; changes and stores nothing",
            query=Planned,
            answer=Plan,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Planner:
    desk: Desk

    async def plan(self, asked: Asked) -> Plan:
        """A pass that leaves no trace. What is under way is not taken into account."""
        passes = self.desk.passes
        chosen = observed(self.desk)
        if asked.query.service is not None:
            chosen = [found(self.desk, asked.query.service)]
        covered = [each for each in chosen if self.desk.covering(each)]
        taken, after = part(covered, lambda each: each.name, asked.query)
        batch, turns, items = passes.apart().begin(self.desk.clock()), Turns(), []
        for service in taken:
            await turns.next()
            items.append(batch.over(service, self.desk.covering(service)).decision)
        return Plan(items=items, next=after)
