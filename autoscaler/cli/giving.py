"""What the commands that give orders by hand have in common."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import click

from autoscaler import ordering
from autoscaler.cli.line import line_to
from autoscaler.cli.remote import Book, Remote
from autoscaler.cli.stored import nothing_about
from autoscaler.cli.terminal import Context, DurationType, now, over_api, run
from autoscaler.model import Order, OrderKind
from autoscaler.settings import Settings
from autoscaler.stores import store_of

F = TypeVar("F", bound=Callable[..., None])

reason_option = click.option("--reason", default="", help="Why; shown wherever it has an effect.")
actor_option = click.option("--actor", help="Who gives the order, if not the user of this process.")
store_option = click.option("--store", help="The service's store, if not that of the settings.")
_within_option = click.option(
    "--within",
    "lasts",
    type=DurationType(),
    default="5m",
    show_default=True,
    help="Drop it if it could not be done so long.",
)


def order_options(command: F) -> F:
    """The options of an order to act, which `give` takes as they are."""
    for option in (over_api, store_option, _within_option, actor_option, reason_option):
        command = option(command)
    return command


def give(
    context: Context,
    kind: OrderKind,
    service: str,
    *,
    actor: str | None,
    reason: str,
    store: str | None,
    lasts: float | None = None,
    **more: Any,
) -> list[str]:
    """Keep an order that lasts so many seconds; answer what is doubtful about it."""
    at = now()
    order = Order(
        kind=kind,
        service=service,
        at=at,
        actor=_who(actor),
        reason=reason,
        until=None if lasts is None else at + lasts,
        **more,
    )
    settings = context.of_book(store)
    if actor and settings.client.url is not None:
        raise click.UsageError("over --url the token says who gives the order: leave out --actor")
    return run(_give(settings, order))


def _who(stated: str | None) -> str:
    """The user of this process; in a container it may have no name."""
    if stated:
        return stated
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Book]:
    """The controller that settings name, or else the store, for orders."""
    line = line_to(settings.client)
    store = await store_of(settings) if line is None else Remote(line)
    try:
        yield store
    finally:
        await store.close()


async def _give(settings: Settings, order: Order) -> list[str]:
    """A pause may come before its service, but a wrong name should not go unseen."""
    async with writing(settings) as store:
        await ordering.give(store, order)
        known = await store.last_by_service()
    if not order.service or order.service in known:
        return []
    return [nothing_about(order.service, known)]
