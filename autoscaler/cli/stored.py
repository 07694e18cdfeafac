"""Reading the store beside a running service, or asking the service itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from autoscaler import records
from autoscaler.cli.line import line_to
from autoscaler.cli.remote import Book, Remote
from autoscaler.errors import Permanent
from autoscaler.model import Decision, Order, Outcome, Record
from autoscaler.ordering import meant
from autoscaler.ports import Store
from autoscaler.settings import Settings
from autoscaler.stores import store_of

Changed = tuple[Record, Outcome | None]
"""A record with an action, and how that ended; None while it is open."""


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[Store]:
    """The store of the settings, for reading only."""
    store = await store_of(settings, read_only=True)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[Book]:
    """The controller that settings name, or else the store, for reading only."""
    line = line_to(settings.client)
    if line is not None:
        yield Remote(line)
        return
    async with reading(settings) as store:
        yield store


async def last_record(settings: Settings, service: str) -> tuple[Record, Changed | None]:
    """The newest stored record of a service, and the newest in which something was done.

    Raises Permanent that names the services there are.
    """
    async with asking(settings) as store:
        record = await store.last(service)
        if record is not None:
            return record, await store.last_change(service)
        raise Permanent(nothing_about(service, await store.last_by_service()))


async def last_decisions(settings: Settings) -> list[Decision]:
    """The newest stored decision of each service, by the services' names."""
    async with asking(settings) as store:
        found = await store.last_by_service()
    return [found[name] for name in sorted(found)]


async def standing_orders(settings: Settings) -> list[Order]:
    """The orders by hand that stand."""
    async with asking(settings) as store:
        return [*await store.orders()]


async def past(
    settings: Settings, service: str | None, since: float, limit: int
) -> list[tuple[Decision, Outcome | None]]:
    """Stored decisions, newest first."""
    async with asking(settings) as store:
        return [*await store.history(service=service, since=since, limit=limit)]


def as_json(value: Any) -> Any:
    """A value of the model as JSON data, with the keys that the model has."""
    return json.loads(records.dump(value))


def nothing_about(service: str, known: Mapping[str, Decision]) -> str:
    """What to say where a service is named of which the store holds no decision."""
    if not known:
        return "no decision has been stored yet: is the service running, with this store?"
    return f"no decision about {service!r} is stored; {meant(service, known)}"
