"""Orders by hand: given as on the command line, carried out by the loop behind its guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter

from autoscaler import ordering
from autoscaler.errors import Invalid
from autoscaler.model import Order, OrderKind
from autoscaler.settings import Scope
from autoscaler.strict import Strict
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import SERVICE, Name, NameOrAll, Part, part
from autoscaler.web.api.services import found
from autoscaler.web.problems import Problem

Reason = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _whole(value: Any) -> Any:
    """In JSON 3.0 is a whole number too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Replicas = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]
Release = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9:_.-]*$")]


class Given(Strict):
    """What each order says."""

    reason: Reason = ""
    """Why; shown wherever it has an effect."""
    expires_in: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    """Seconds after which it is over, or is dropped if it could not be done until then."""


class Pause(Given):
    """Leave a service alone, or all of them, until somebody resumes or the time is over."""

    kind: Literal["pause"]
    service: NameOrAll = ""
    """Empty for all."""


class Free(Given):
    """End the quarantine that a service is in now."""

    kind: Literal["release"]
    service: Name


class Scale(Given):
    """Set the number of replicas, once."""

    kind: Literal["scale"]
    service: Name
    replicas: Replicas


class Redo(Given):
    """Replace all tasks of a service, once; by `rebalance` so that they are spread anew."""

    kind: Literal["restart", "rebalance"]
    service: Name


class GoBack(Given):
    """Go back to a kept release, once."""

    kind: Literal["rollback"]
    service: Name
    release: Release = ""
    """Its hash; empty for the newest good one."""


Body = Annotated[Pause | Free | Scale | Redo | GoBack, Field(discriminator="kind")]


class OrderList(Answer):
    """A part of the orders that stand."""

    items: list[Order]
    next: str | None
    """`after` of the next part; null after the last one."""


class OrderTaken(Answer):
    """An order that stands now; decisions will tell what comes of it."""

    order: Order


class Withdrawn(Answer):
    """What became of an order that was withdrawn."""

    stood: bool
    """Whether there was one."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is ordered, and how."""
    book = _Book(desk)
    kind = {"kind": {"type": "string", "pattern": f"^({'|'.join(OrderKind)})$"}}
    return [
        endpoint(
            book.orders,
            path="/orders",
            summary="The orders that stand",
            query=Part,
            answer=OrderList,
        ),
        endpoint(
            book.give,
            path="/orders",
            summary="Give an order, in place of one of its kind about the same service",
            method="POST",
            scope=Scope.OPERATE,
            body=TypeAdapter(Body),
            answer=OrderTaken,
            status=HTTPStatus.ACCEPTED,
        ),
        endpoint(
            book.withdraw,
            path="/orders/{kind}",
            summary="Withdraw an order about all services: `pause`, to resume",
            method="DELETE",
            scope=Scope.OPERATE,
            answer=Withdrawn,
            parameters=kind,
        ),
        endpoint(
            book.withdraw,
            path="/orders/{kind}/{service}",
            summary="Withdraw an order about a service",
            method="DELETE",
            scope=Scope.OPERATE,
            answer=Withdrawn,
            parameters={**kind, "service": SERVICE},
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Book:
    desk: Desk

    async def orders(self, asked: Asked) -> OrderList:
        """A part of them."""
        stand = await self.desk.store.orders()
        items, after = part(stand, lambda each: f"{each.kind.value} {each.service}", asked.query)
        return OrderList(items=items, next=after)

    async def give(self, asked: Asked) -> OrderTaken:
        """Whoever's token it is gives it; what is done once needs a service that there is."""
        order = self._order(asked)
        if order.kind.act is not None:
            found(self.desk, order.service)
        try:
            ordering.check(order, await self.desk.store.last_by_service([order.service]))
        except Invalid as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        await self.desk.store.give(order)
        self._wake(order.service)
        return OrderTaken(order=order)

    async def withdraw(self, asked: Asked) -> Withdrawn:
        """Whether or not it stood, it does not any more."""
        name = asked.path.get("service", "")
        kind = OrderKind(asked.path["kind"])
        stood = await self.desk.store.withdraw(kind, name)
        self.desk.passes.withdraw(kind, name)
        self._wake(name)
        return Withdrawn(stood=stood)

    def _order(self, asked: Asked) -> Order:
        given, now = asked.body, self.desk.clock()
        return Order(
            kind=OrderKind(given.kind),
            service=given.service,
            at=now,
            actor=asked.caller.name,
            reason=given.reason,
            until=None if given.expires_in is None else now + given.expires_in,
            replicas=getattr(given, "replicas", None),
            release=getattr(given, "release", ""),
        )

    def _wake(self, name: str) -> None:
        service = self.desk.service(name) if name else None
        if service is not None or not name:
            self.desk.wake(service.id if service else None)
