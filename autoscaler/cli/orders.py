"""`pause`, `resume` and `quarantine release`: orders by hand, kept in the store."""

from __future__ import annotations

import click

from autoscaler.cli import giving
from autoscaler.cli.render import words
from autoscaler.cli.terminal import (
    Context,
    DurationType,
    note,
    now,
    over_api,
    pass_context,
    run,
    show,
)
from autoscaler.model import OrderKind
from autoscaler.settings import Settings


@click.command(short_help="Leave one service, or all, alone until it is resumed.")
@click.argument("service", default="")
@click.option("--for", "lasts", type=DurationType(), help="End it by itself after so long.")
@giving.reason_option
@giving.actor_option
@giving.store_option
@over_api
@pass_context
def pause(
    context: Context,
    service: str,
    lasts: float | None,
    reason: str,
    actor: str | None,
    store: str | None,
) -> None:
    """Neither scale nor heal SERVICE, or without a name anything, until `resume`.

    The order is kept in the store: it holds from the next pass on, and over restarts. What is
    under way is finished. What is ordered by hand is done all the same.

    \b
    autoscaler pause --reason "moving the database"
    autoscaler pause shop_web --for 2h
    """
    doubts = giving.give(
        context,
        OrderKind.PAUSE,
        service,
        actor=actor,
        reason=reason,
        store=store,
        lasts=lasts,
    )
    end = "" if lasts is None else f", until {words.at(now() + lasts)}"
    show(f"{service or 'Everything'} is paused from the next pass on{end}.")
    note(doubts, beside_json=True)


@click.command(short_help="End a pause.")
@click.argument("service", default="")
@giving.store_option
@over_api
@pass_context
def resume(context: Context, service: str, store: str | None) -> None:
    """End the pause of SERVICE, or without a name the pause of everything.

    A service that was paused by its own name stays paused when everything is resumed.

    \b
    autoscaler resume
    autoscaler resume shop_web
    """
    stood = run(_withdraw(context.of_book(store), OrderKind.PAUSE, service))
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
@giving.reason_option
@giving.actor_option
@giving.store_option
@over_api
@pass_context
def release(
    context: Context, service: str, reason: str, actor: str | None, store: str | None
) -> None:
    """End the quarantine that SERVICE is in now. A later one needs another release.

    \b
    autoscaler quarantine release shop_web --reason "disk replaced"
    """
    doubts = giving.give(
        context, OrderKind.RELEASE, service, actor=actor, reason=reason, store=store
    )
    show(f"{service} may be healed again from the next pass on.")
    note(doubts, beside_json=True)


async def _withdraw(settings: Settings, kind: OrderKind, service: str) -> bool:
    async with giving.writing(settings) as store:
        return await store.withdraw(kind, service)
