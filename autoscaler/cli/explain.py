"""`explain`: why did a service scale, or why did it not?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from autoscaler import complaints
from autoscaler.cli.render import orders
from autoscaler.cli.render.explanation import explanation, replay
from autoscaler.cli.stored import Changed, as_json, last_record, standing_orders
from autoscaler.cli.terminal import (
    FAILED,
    Context,
    fail,
    note,
    now,
    over_api,
    pass_context,
    run,
    show,
    show_json,
)
from autoscaler.decide import decide
from autoscaler.errors import Invalid
from autoscaler.model import Decision, Record
from autoscaler.policy import parse_policy
from autoscaler.problems import Problems
from autoscaler.records import load_record
from autoscaler.strict_yaml import Document

LARGEST_RECORD = 64 * 1024 * 1024


@click.command(short_help="Why did a service scale, or why did it not?")
@click.argument("service", required=False)
@click.option("--last-change", is_flag=True, help="The last decision by which something was done.")
@click.option(
    "--observation",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Explain a record from a file, and decide it again.",
)
@click.option("--json", "as_json_", is_flag=True, help="Print what was decided as JSON.")
@click.option("--record", "as_record", is_flag=True, help="Print the whole record as JSON.")
@click.option("--store", help="The service's store, if not that of the settings.")
@over_api
@pass_context
def explain(
    context: Context,
    service: str | None,
    last_change: bool,
    file: Path | None,
    as_json_: bool,
    as_record: bool,
    store: str | None,
) -> None:
    """Show the last stored decision about SERVICE, with all that led to it.

    Samples with age and quality, what each metric recommends, what each guard said, in
    order, and what came of it. A record holds all of that: save one to ask others about it,
    or to see whether another version or policy decides alike.

    \b
    autoscaler explain shop_web
    autoscaler explain shop_web --last-change
    autoscaler explain shop_web --record > shop_web.json
    autoscaler explain --observation shop_web.json

    \b
    JSON: {decision, last_change}; last_change is {decision, outcome}, or null if nothing was done.
          With --observation {decision, again}. --record: {policy, observation, memory, decision}.
    """
    if (service is None) == (file is None) or (file and last_change):
        raise click.UsageError("name a SERVICE, or a record with --observation FILE")
    if as_json_ and as_record:
        raise click.UsageError("--json tells the decision, --record all: name one of them")
    settings = context.of_book(store)
    if file is not None:
        _explain_file(_read(file), settings.source_plugins, as_json_, as_record)
        return
    record, change = run(last_record(settings, str(service)))
    if last_change:
        record = _changed(str(service), change)
    if as_record:
        show_json(as_json(record))
    elif as_json_:
        show_json(_decided(record, change))
    else:
        show(explanation(record, now(), change and (change[0].decision, change[1])))
        given = [each for each in run(standing_orders(settings)) if each.service in ("", service)]
        note(orders.standing(given, now()), beside_json=False)


def _changed(service: str, change: Changed | None) -> Record:
    if change is None:
        raise fail(f"nothing has been done to {service!r} in the time that is stored")
    return change[0]


def _decided(record: Record, change: Changed | None) -> dict[str, Any]:
    last = change and {
        "decision": as_json(change[0].decision),
        "outcome": change[1] and change[1].value,
    }
    return {"decision": as_json(record.decision), "last_change": last}


def _explain_file(record: Record, sources: dict[str, str], as_json_: bool, as_record: bool) -> None:
    """Exit code 1 where deciding again gives another decision."""
    if as_record:
        show_json(as_json(record))
        return
    again = _decide_again(record, sources)
    if as_json_:
        show_json({"decision": as_json(record.decision), "again": as_json(again)})
    else:
        show(explanation(record, now()), "", replay(record.decision, again))
    if again != record.decision:
        raise SystemExit(FAILED)


def _read(file: Path) -> Record:
    if file.stat().st_size > LARGEST_RECORD:
        raise fail(f"{file} is no record: it is larger than 64 MiB")
    try:
        return load_record(file.read_bytes())
    except Invalid as error:
        raise fail(f"{file}: {error}") from error


def _decide_again(record: Record, sources: dict[str, str]) -> Decision:
    try:
        policy = parse_policy(record.policy, sources)
    except ValidationError as error:
        document = Document("this version does not understand the record's policy", record.policy)
        raise Problems(complaints.problems(error, document)) from error
    return decide(policy, record.observation, record.memory)[1]
