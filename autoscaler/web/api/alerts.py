"""The alerts that stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from autoscaler.model import Alert
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import Part


class Next(Part):
    """Which part of the alerts is asked for."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")] | None = None
    """The `next` of the part before."""


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
            query=Next,
            answer=AlertList,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    desk: Desk

    async def alerts(self, asked: Asked) -> AlertList:
        """A part of them: of very many no more is read than is told."""
        wanted: Next = asked.query
        found = await self.desk.store.alerts_after(wanted.after or "", wanted.limit + 1)
        items = [*found[: wanted.limit]]
        return AlertList(
            items=items, next=items[-1].fingerprint if len(found) > len(items) else None
        )
