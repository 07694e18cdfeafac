"""What people have told the service by hand, beside its policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class OrderKind(StrEnum):
    """What can be ordered."""

    PAUSE = "pause"
    """Leave it alone, until somebody resumes."""
    RELEASE = "release"
    """End the quarantine that there is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that stands, about one service or, with an empty name, about all."""

    kind: OrderKind
    service: str = ""
    at: float
    actor: str
    reason: str = ""

    @property
    def told(self) -> str:
        """Who gave it, and why."""
        return f"by {self.actor}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders that stand."""

    given: Mapping[tuple[OrderKind, str], Order] = field(default_factory=dict)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Orders:
        """Orders by kind and service."""
        return cls({(order.kind, order.service): order for order in orders})

    def paused(self, service: str) -> str | None:
        """Why nothing is to be done to a service, if so."""
        for name, told in (("", "everything is paused"), (service, "paused")):
            order = self.given.get((OrderKind.PAUSE, name))
            if order is not None:
                return f"{told} {order.told}"
        return None

    def released(self, service: str) -> float | None:
        """When somebody last ended a quarantine of a service."""
        order = self.given.get((OrderKind.RELEASE, service))
        return order.at if order else None
