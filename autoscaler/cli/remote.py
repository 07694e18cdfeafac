"""What a running controller knows, over its API, in the words of its store."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from autoscaler import records
from autoscaler.cli.line import Line
from autoscaler.errors import Permanent
from autoscaler.model import Decision, Order, OrderKind, Outcome, Record, Revision

BASE = "/api/v1"
PART = 200

T = TypeVar("T")


class Book(Protocol):
    """What commands ask of a store, or of a controller in its place."""

    async def last(self, service: str) -> Record | None: ...

    async def last_change(self, service: str) -> tuple[Record, Outcome | None] | None: ...

    async def last_by_service(
        self, services: Collection[str] | None = ...
    ) -> Mapping[str, Decision]: ...

    async def history(
        self, *, service: str | None = ..., since: float = ..., limit: int = ...
    ) -> Sequence[tuple[Decision, Outcome | None]]: ...

    async def orders(self) -> Sequence[Order]: ...

    async def give(self, order: Order) -> None: ...

    async def withdraw(self, kind: OrderKind, service: str = ...) -> bool: ...

    async def close(self) -> None: ...


class Remote:
    """A controller. Labels of services and what may be secret come as `***`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def last(self, service: str) -> Record | None:
        """The record of a service that was stored last."""
        found = self._explained(service, "latest")
        return found and found[0]

    async def last_change(self, service: str) -> tuple[Record, Outcome | None] | None:
        """The newest record of a service whose action was tried, and its outcome."""
        return self._explained(service, "last-change")

    async def last_by_service(
        self, services: Collection[str] | None = None
    ) -> Mapping[str, Decision]:
        """The decision that was stored last of each service that there is."""
        listed = self._all("/services", None)
        decided = {each["name"]: each["decision"] for each in listed if each["decision"]}
        chosen = decided.keys() if services is None else decided.keys() & {*services}
        return {name: _load(Decision, decided[name]) for name in chosen}

    async def history(
        self, *, service: str | None = None, since: float = 0.0, limit: int = 100
    ) -> Sequence[tuple[Decision, Outcome | None]]:
        """Stored decisions, newest first."""
        listed = self._all("/decisions", limit, service=service, since=since)
        return [
            (_load(Decision, each["decision"]), each["outcome"] and Outcome(each["outcome"]))
            for each in listed
        ]

    def revisions(self, service: str) -> list[tuple[Revision, list[str]]]:
        """The releases that are kept, newest first, each with what changed in it."""
        answer = self._line.get(f"{BASE}/services/{quote(service, safe='')}/revisions")
        if answer is None:
            raise Permanent(f"there is no service {service!r}; `autoscaler status` lists all")
        return [(_load(Revision, each), each["changes"]) for each in answer["items"]]

    async def orders(self) -> Sequence[Order]:
        """The orders that stand."""
        return [_load(Order, each) for each in self._all("/orders", None)]

    async def give(self, order: Order) -> None:
        """Let an order stand; who gives it is who the token belongs to."""
        said: dict[str, Any] = {"kind": order.kind.value, "reason": order.reason}
        if order.service:
            said["service"] = order.service
        if order.until is not None:
            said["expires_in"] = order.until - order.at
        if order.replicas is not None:
            said["replicas"] = order.replicas
        if order.release:
            said["release"] = order.release
        self._line.send("POST", f"{BASE}/orders", said)

    async def withdraw(self, kind: OrderKind, service: str = "") -> bool:
        """Withdraw an order; whether it stood."""
        about = f"/{quote(service, safe='')}" if service else ""
        answer = self._line.send("DELETE", f"{BASE}/orders/{kind.value}{about}")
        return bool(answer and answer["stood"])

    async def close(self) -> None:
        """There is nothing to close: each request has a connection of its own."""

    def _explained(self, service: str, which: str) -> tuple[Record, Outcome | None] | None:
        place = f"{BASE}/services/{quote(service, safe='')}/decisions/{which}"
        answer = self._line.get(place)
        if answer is None:
            return None
        outcome = answer["outcome"] and Outcome(answer["outcome"])
        return _load(Record, answer["record"]), outcome

    def _all(self, place: str, most: int | None, **query: object) -> list[Any]:
        """The items of all parts, up to so many."""
        items: list[Any] = []
        after = None
        while most is None or len(items) < most:
            part = PART if most is None else min(PART, most - len(items))
            answer = self._line.get(BASE + place, limit=part, after=after, **query)
            items += answer["items"]
            after = answer["next"]
            if after is None:
                break
        return items


def _load(kind: type[T], document: Any) -> T:
    return records.load(kind, json.dumps(document))
