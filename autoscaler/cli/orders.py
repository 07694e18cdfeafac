"""`pause`, `resume` and `quarantine release`: orders by hand, kept in the store."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from autoscaler.cli.stored import nothing_about
from autoscaler.cli.terminal import Context, note, now, pass_context, run, show
from autoscaler.model import Order, OrderKind
from autoscaler.ports import Store
from autoscaler.settings import Settings
from autoscaler.stores import store_of

_reason = click.option("--reason", default="", help="Why; shown wherever it has an effect.")
_actor = click.option("--actor", help="Who gives the order, if not the user of this process.")
_store = click.option("--store", help="The service's store, if not that of the settings.")


@click.command(short_help="Leave one service, or all, alone until it is resumed.")
@click.argument("service", default="")
@_reason
@_actor
@_store
@pass_context
def pause(
    context: Context, service: str, reason: str, actor: str | None, store: str | None
) -> None:
    """Neither scale nor heal SERVICE, or without a name anything, until `resume`.

    The order is kept in the store: it holds from the next pass on, and over restarts. What is
    under way is finished.

    \b
    autoscaler pause --reason "moving the database"
    autoscaler pause shop_web
    """
    order = Order(kind=OrderKind.PAUSE, service=service, at=now(), actor=_who(actor), reason=reason)
    doubts = run(_give(context.settings(store=store), order))
    show(f"{service or 'Everything'} is paused from the next pass on.")
    note(doubts, beside_json=True)


@click.command(short_help="End a pause.")
@click.argument("service", default="")
@_store
@pass_context
def resume(context: Context, service: str, store: str | None) -> None:
    """End the pause of SERVICE, or without a name the pause of everything.

    A service that was paused by its own name stays paused when everything is resumed.

    \b
    autoscaler resume
    autoscaler resume shop_web
    """
    stood = run(_withdraw(context.settings(store=store), OrderKind.PAUSE, service))
    what = service or "everything"
    show(f"{what} is resumed from the next pass on." if stood else f"{what} was not paused.")


@click.group(short_help="Services that healing has given up on.")
def quarantine() -> None:
    """Services on which healing has given up, because its cures did not last.

    `autoscaler status` shows which they are, `explain` why.

    \b
    autoscaler quarantine release shop_web
    """


@quarantine.command(short_help="Let a service be healed again.")
@click.argument("service")
@_reason
@_actor
@_store
@pass_context
def release(
    context: Context, service: str, reason: str, actor: str | None, store: str | None
) -> None:
    """End the quarantine that SERVICE is in now. A later one needs another release.

    \b
    autoscaler quarantine release shop_web --reason "disk replaced"
    """
    order = Order(
        kind=OrderKind.RELEASE, service=service, at=now(), actor=_who(actor), reason=reason
    )
    doubts = run(_give(context.settings(store=store), order))
    show(f"{service} may be healed again from the next pass on.")
    note(doubts, beside_json=True)


def _who(stated: str | None) -> str:
    """The user of this process; in a container it may have no name."""
    if stated:
        return stated
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@asynccontextmanager
async def _writing(settings: Settings) -> AsyncIterator[Store]:
    store = await store_of(settings)
    try:
        yield store
    finally:
        await store.close()


async def _give(settings: Settings, order: Order) -> list[str]:
    """Keep the order; it may come before its service, but a wrong name should not go unseen."""
    async with _writing(settings) as store:
        await store.give(order)
        known = await store.last_by_service()
    if not order.service or order.service in known:
        return []
    return [nothing_about(order.service, known)]


async def _withdraw(settings: Settings, kind: OrderKind, service: str) -> bool:
    async with _writing(settings) as store:
        return await store.withdraw(kind, service)
