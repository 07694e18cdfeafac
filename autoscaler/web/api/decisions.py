"""What was decided, and all that led to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from autoscaler.model import Decision, Outcome, Record
from autoscaler.redaction import fit_to_keep
from autoscaler.strict import Strict
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import BASE, Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import MOST, SERVICE, Limit, Name
from autoscaler.web.problems import Problem

MOST_SEEN = 5000
"""Decisions that are looked through for one answer."""
LATEST, LAST_CHANGE = "latest", "last-change"

Kind = Literal["scale", "restart", "replace", "rollback", "rebalance", "action", "held", "none"]
_TIME = r"[0-9]{1,12}(\.[0-9]{1,9})?"
Cursor = Annotated[str, StringConstraints(pattern=rf"^{_TIME}_[0-9]{{1,9}}$")]


class Wanted(Strict):
    """Which decisions are asked for."""

    service: Name | None = None
    """Only those about this service."""
    kind: Kind | None = None
    """Only those by which this was done: an act, any `action`, `none`; or that were `held`."""
    since: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] = 0.0
    """None before this time, in Unix seconds."""
    limit: Limit = 100
    """Items at most; there may be fewer before the last part."""
    after: Cursor | None = None
    """The `next` of the part before."""

    def fits(self, decision: Decision) -> bool:
        """Whether it is of the kind that is asked for."""
        action, held = decision.action, decision.held_by is not None
        if self.kind in (None, "action", "held", "none"):
            is_so = {"action": action is not None, "held": held, "none": not (action or held)}
            return is_so.get(self.kind or "", True)
        return action is not None and action.kind == self.kind


class Decided(Answer):
    """A decision, and how its action ended."""

    decision: Decision
    outcome: Outcome | None
    """Null where nothing was done, or the end is not known yet."""
    href: str
    """Where it is told in full."""


class Decisions(Answer):
    """A part of the decisions, newest first."""

    items: list[Decided]
    next: str | None
    """`after` of the next part; null after the last one."""


class Explained(Answer):
    """A decision with all that led to it."""

    record: Record
    """The policy, what was seen, what was remembered, and what was decided."""
    outcome: Outcome | None
    last_change: Decided | None
    """The last decision about the service by which something was done."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is told of decisions."""
    shelf = _Shelf(desk)
    at = {
        "type": "string",
        "pattern": rf"^({LATEST}|{LAST_CHANGE}|[0-9]{{1,12}}(\.[0-9]{{1,9}})?)$",
    }
    return [
        endpoint(
            shelf.decisions,
            path="/decisions",
            summary="Stored decisions, newest first",
            query=Wanted,
            answer=Decisions,
        ),
        endpoint(
            shelf.decision,
            path="/services/{service}/decisions/{at}",
            summary="One decision with all that led to it",
            answer=Explained,
            parameters={"service": SERVICE, "at": at},
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    desk: Desk

    async def decisions(self, asked: Asked) -> Decisions:
        """A part of them; where few fit, fewer than asked for may be found at a time."""
        wanted: Wanted = asked.query
        until, offset = _begin(wanted)
        found: list[Decided] = []
        most = wanted.limit if wanted.kind is None else MOST
        end = offset + MOST_SEEN
        while offset < end:
            listed = await self.desk.store.history(
                service=wanted.service, since=wanted.since, until=until, offset=offset, limit=most
            )
            if listed and until == math.inf:
                # What is decided while somebody leafs through must not move the parts.
                until = listed[0][0].at
            for decision, outcome in listed:
                offset += 1
                if wanted.fits(decision):
                    found.append(_decided(decision, outcome))
                if len(found) == wanted.limit:
                    return Decisions(items=found, next=f"{until!r}_{offset}")
            if len(listed) < most:
                return Decisions(items=found, next=None)
        return Decisions(items=found, next=f"{until!r}_{offset}")

    async def decision(self, asked: Asked) -> Explained:
        """In full, but for what may be secret."""
        service, at = asked.path["service"], asked.path["at"]
        change = await self.desk.store.last_change(service)
        record, outcome = await self._record(service, at, change)
        return Explained(
            record=fit_to_keep(record),  # an older version may have kept more
            outcome=outcome,
            last_change=change and _decided(change[0].decision, change[1]),
        )

    async def _record(
        self, service: str, at: str, change: tuple[Record, Outcome | None] | None
    ) -> tuple[Record, Outcome | None]:
        found = change if at == LAST_CHANGE else None
        if at == LATEST:
            record = await self.desk.store.last(service)
            at = repr(record.decision.at) if record else ""
        if at and at != LAST_CHANGE:
            found = await self.desk.store.recorded(service, float(at))
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"no such decision about {service!r} is stored")
        return found


def _begin(wanted: Wanted) -> tuple[float, int]:
    """The newest time that is asked for, and how many are passed over."""
    until, _, offset = (wanted.after or "inf_0").partition("_")
    return float(until), int(offset)


def _decided(decision: Decision, outcome: Outcome | None) -> Decided:
    href = f"{BASE}/services/{decision.service}/decisions/{decision.at!r}"
    return Decided(decision=decision, outcome=outcome, href=href)
