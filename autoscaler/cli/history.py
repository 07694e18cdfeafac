"""`history`: what was done, and when?"""

from __future__ import annotations

import click

from autoscaler.cli.render import decisions
from autoscaler.cli.stored import as_json, last_record, past
from autoscaler.cli.terminal import (
    Context,
    DurationType,
    now,
    over_api,
    pass_context,
    run,
    show,
    show_json,
)


@click.command(short_help="What was decided and done, and how did it end?")
@click.option("--service", help="Only this service.")
@click.option(
    "--since", type=DurationType(), default="24h", show_default=True, help="How far back."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many.",
)
@click.option("--actions", is_flag=True, help="Only what was done; not what was held.")
@click.option("--store", help="The service's store, if not that of the settings.")
@over_api
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@pass_context
def history(
    context: Context,
    service: str | None,
    since: float,
    limit: int,
    actions: bool,
    store: str | None,
    as_json_: bool,
) -> None:
    """Show stored decisions, newest first, with the outcome of their actions.

    \b
    autoscaler history
    autoscaler history --service shop_web --since 2h
    autoscaler history --actions --json

    \b
    JSON: a list of {decision, outcome}; outcome is done, conflict, failed, unknown, or null.
    """
    asked, settings = 10_000 if actions else limit, context.of_book(store)
    found = run(past(settings, service, now() - since, asked))
    if service is not None and not found:
        run(last_record(settings, service))  # raises where no such service is known
    if actions:
        found = [entry for entry in found if entry[0].action is not None][:limit]
    if as_json_:
        show_json([{"decision": as_json(d), "outcome": o and o.value} for d, o in found])
    elif found:
        show(decisions.past(found))
    else:
        show("No decision is stored for that time; --since looks further back.")
