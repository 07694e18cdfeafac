"""What people have told the service by hand, beside its policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from autoscaler.model.act import Act

HEEDED_WITHIN = 300.0
"""Seconds after which an order that could not be done is dropped, unless it says another time."""


class OrderKind(StrEnum):
    """What can be ordered. Some orders stand; the others are done once, or not at all."""

    PAUSE = "pause"
    """Do nothing to it of oneself, until somebody resumes or the time is over."""
    RELEASE = "release"
    """End the quarantine that there is now."""
    SCALE = "scale"
    RESTART = "restart"
    ROLLBACK = "rollback"
    REBALANCE = "rebalance"

    @property
    def act(self) -> Act | None:
        """What is done for it, once; None for an order that stands."""
        return _ACTS.get(self)


_ACTS = {
    OrderKind.SCALE: Act.SCALE,
    OrderKind.RESTART: Act.RESTART,
    OrderKind.ROLLBACK: Act.ROLLBACK,
    OrderKind.REBALANCE: Act.REBALANCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order about one service or, with an empty name, about all.

    There is one of each kind and service: the next one takes its place. `at` tells them apart.
    """

    kind: OrderKind
    service: str = ""
    at: float
    actor: str
    reason: str = ""
    until: float | None = None
    """When it is over, or dropped if it could not be done until then."""
    replicas: int | None = None
    """Of a scale: how many the service shall have."""
    release: str = ""
    """Of a rollback: the kept release to go back to; empty for the newest good one."""

    @property
    def ends(self) -> float | None:
        """When it is over, in Unix seconds; None for one that stands until it is withdrawn."""
        if self.until is None and self.kind.act is not None:
            return self.at + HEEDED_WITHIN
        return self.until

    def over(self, now: float) -> bool:
        """Whether its time has passed."""
        return self.ends is not None and now >= self.ends

    @property
    def told(self) -> str:
        """Who gave it, and why."""
        return f"by {self.actor}" + (f": {self.reason}" if self.reason else "")

    @property
    def asks(self) -> str:
        """What it asks for, by whom and why: `scale to 5 by ann: a sale`."""
        to = f" to {self.replicas}" if self.replicas is not None else ""
        to += f" to {self.release}" if self.release else ""
        return f"{self.kind}{to} {self.told}"


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders that stand."""

    given: Mapping[tuple[OrderKind, str], Order] = field(default_factory=dict)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Orders:
        """Orders by kind and service."""
        return cls({(order.kind, order.service): order for order in orders})

    def without(self, order: Order) -> Orders:
        """The orders but this one; another that took its place stays."""
        key = (order.kind, order.service)
        if self.given.get(key) != order:
            return self
        return Orders({each: given for each, given in self.given.items() if each != key})

    def paused(self, service: str, now: float) -> str | None:
        """Why nothing is to be done to a service, if so."""
        if not self.given:
            return None
        for name, told in (("", "everything is paused"), (service, "paused")):
            order = self.given.get((OrderKind.PAUSE, name))
            if order is not None and not order.over(now):
                return f"{told} {order.told}{_until(order)}"
        return None

    def released(self, service: str) -> float | None:
        """When somebody last ended a quarantine of a service."""
        if not self.given:
            return None
        order = self.given.get((OrderKind.RELEASE, service))
        return order.at if order else None

    def to_do(self, service: str) -> tuple[Order, ...]:
        """What is to be done to a service once, the gravest first."""
        if not self.given:
            return ()
        found = (self.given.get((kind, service)) for kind in GRAVEST_FIRST)
        return tuple(order for order in found if order is not None)

    def next_end(self, now: float) -> float:
        """When the next of them is over, in Unix seconds; infinite for never."""
        ends = (order.ends for order in self.given.values())
        return min((end for end in ends if end is not None and end > now), default=float("inf"))


GRAVEST_FIRST = (OrderKind.ROLLBACK, OrderKind.RESTART, OrderKind.REBALANCE, OrderKind.SCALE)
"""In this order they are tried where several stand."""


def _until(order: Order) -> str:
    if order.until is None:
        return ""
    return f", until {datetime.fromtimestamp(order.until, UTC):%Y-%m-%d %H:%M:%S} UTC"
