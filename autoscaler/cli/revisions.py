"""`revisions`: which releases are kept to go back to?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import click

from autoscaler.cli.line import line_to
from autoscaler.cli.remote import Remote
from autoscaler.cli.render import words
from autoscaler.cli.render.listing import Listing
from autoscaler.cli.stored import as_json, last_record, reading
from autoscaler.cli.terminal import Context, now, over_api, pass_context, run, show, show_json
from autoscaler.model import Revision, Template
from autoscaler.revisions import differences
from autoscaler.settings import Settings


@click.command(short_help="Which good releases are kept, to go back to?")
@click.argument("service")
@click.option("--store", help="The service's store, if not that of the settings.")
@over_api
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@pass_context
def revisions(context: Context, service: str, store: str | None, as_json_: bool) -> None:
    """Show the releases of SERVICE that ran well, newest first.

    What changed since the one before is told without values: only the image is shown.

    \b
    autoscaler revisions shop_web

    \b
    JSON: a list of {release, at, image, changes}.
    """
    found = run(_kept(context.of_book(store), service))
    if as_json_:
        show_json([{**as_json(each), "changes": changes} for each, changes in found])
        return
    if not found:
        show(
            f"No release of {service} is kept: none has proved itself, or its policy keeps none,"
            " as it neither takes one back nor has `release:`."
        )
        return
    drawn = Listing("RELEASE", "PROVED", "IMAGE", "SINCE THE ONE BEFORE")
    for each, changes in found:
        drawn.add_row(each.release, words.ago(each.at, now()), each.image, "; ".join(changes))
    show(drawn)


async def _kept(settings: Settings, service: str) -> list[tuple[Revision, list[str]]]:
    """Newest first, each with what differs from the one before it."""
    line = line_to(settings.client)
    if line is not None:
        return Remote(line).revisions(service)
    record, _ = await last_record(settings, service)
    key = record.decision.service_id
    async with reading(settings) as store:
        kept: Any = (await store.revisions()).get(key, ())
        read = [await store.template(key, each.release) for each in kept]
    templates: list[Template] = [each for each in read if each is not None]
    changes = [[], *(differences(old, new) for old, new in pairwise(templates))]
    return [*zip(kept, changes, strict=False)][::-1]
