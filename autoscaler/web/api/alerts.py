"""The alerts that stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.model import Alert
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import Part, part


class AlertList(Answer):
    """A part of the alerts as they were told last."""

    items: list[Alert]
    next: str | None
    """`after` of the next part; null after the last one."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is told of alerts."""
    return [
        endpoint(
            _Shelf(desk).alerts,
            path="/alerts",
            summary="The alerts that stand, as they were told last",
            query=Part,
            answer=AlertList,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    desk: Desk

    async def alerts(self, asked: Asked) -> AlertList:
        """A part of them."""
        stand = await self.desk.store.alerts()
        items, after = part(stand, lambda each: each.fingerprint, asked.query)
        return AlertList(items=items, next=after)
