"""`scale`, `restart`, `rollback` and `rebalance`: what the running service does on request."""

from __future__ import annotations

from typing import Any

import click

from autoscaler.cli import giving
from autoscaler.cli.terminal import Context, pass_context, show
from autoscaler.durations import format_duration
from autoscaler.model import OrderKind


@click.command(short_help="Set the number of replicas, through the guards.")
@click.argument("service")
@click.argument("replicas", type=click.IntRange(min=0))
@giving.order_options
@pass_context
def scale(context: Context, /, service: str, **said: Any) -> None:
    """Have SERVICE scaled to REPLICAS, within the min and max of its policy.

    The running service does it with its next pass, and then leaves the number alone for the
    policy's `cooldown.manual`, as after `docker service scale`. What protects the service holds
    the order, such as an update under way; what only paces the policy does not, nor does a pause.

    \b
    autoscaler scale shop_web 12 --reason "the newsletter goes out"
    """
    _give(context, OrderKind.SCALE, service, f"is scaled to {said['replicas']}", said)


@click.command(short_help="Replace all tasks of a service.")
@click.argument("service")
@giving.order_options
@pass_context
def restart(context: Context, /, service: str, **said: Any) -> None:
    """Have all tasks of SERVICE replaced, under its own update settings.

    It does not count against healing: neither for its back-off nor for a quarantine.

    \b
    autoscaler restart shop_web --reason "the cache is poisoned"
    """
    _give(context, OrderKind.RESTART, service, "is restarted", said)


@click.command(short_help="Bring an earlier release back.")
@click.argument("service")
@click.option("--to", "release", default="", help="A kept release, as `revisions` lists them.")
@giving.order_options
@pass_context
def rollback(context: Context, /, service: str, **said: Any) -> None:
    """Have the newest other release of SERVICE brought back that ran well, or the one named.

    The number of replicas stays as it is. It resolves an update that is paused or hangs.

    \b
    autoscaler rollback shop_web
    autoscaler rollback shop_web --to 5f1d7a9c02be
    """
    _give(context, OrderKind.ROLLBACK, service, "is rolled back", said)


@click.command(short_help="Spread the tasks of a service over the nodes anew.")
@click.argument("service")
@giving.order_options
@pass_context
def rebalance(context: Context, /, service: str, **said: Any) -> None:
    """Have all tasks of SERVICE replaced, so that Swarm spreads them over the nodes anew.

    \b
    autoscaler rebalance shop_web --reason "node-3 is back"
    """
    _give(context, OrderKind.REBALANCE, service, "is rebalanced", said)


def _give(context: Context, kind: OrderKind, service: str, what: str, said: dict[str, Any]) -> None:
    giving.give(context, kind, service, **said)
    show(
        f"{service} {what} with the next pass that can, or not at all after"
        f" {format_duration(said['lasts'])}.",
        f"How it ends: autoscaler history --service {service}",
    )
