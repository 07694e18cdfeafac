"""`explain`: why did a service scale, or why did it not?"""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from autoscaler import complaints
from autoscaler.cli.render.explanation import explanation, replay
from autoscaler.cli.stored import as_json, last_record
from autoscaler.cli.terminal import (
    FAILED,
    Context,
    fail,
    now,
    pass_context,
    run,
    show,
    show_json,
)
from autoscaler.decide import decide
from autoscaler.model import Decision, Record
from autoscaler.policy import parse_policy
from autoscaler.problems import Problems
from autoscaler.records import load_record
from autoscaler.strict_yaml import Document

LARGEST_RECORD = 64 * 1024 * 1024


@click.command(short_help="Why did a service scale, or why did it not?")
@click.argument("service", required=False)
@click.option(
    "--observation",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Explain a record from a file, and decide it again.",
)
@click.option("--record", "as_record", is_flag=True, help="Print the record as JSON.")
@click.option("--store", help="The service's store, if not that of the settings.")
@pass_context
def explain(
    context: Context, service: str | None, file: Path | None, as_record: bool, store: str | None
) -> None:
    """Show the last stored decision about SERVICE, with all that led to it.

    Samples with age and quality, what each metric recommends, what each guard said, in
    order, and what came of it. A record holds all of that: save one to ask others about it,
    or to see whether another version or policy decides alike.

    \b
    autoscaler explain shop_web
    autoscaler explain shop_web --record > shop_web.json
    autoscaler explain --observation shop_web.json

    \b
    JSON: {policy, observation, memory, decision}
    """
    if (service is None) == (file is None):
        raise click.UsageError("name a SERVICE, or a record with --observation FILE")
    settings = context.settings(store=store)
    record = _read(file) if file else run(last_record(settings, str(service)))
    if as_record:
        show_json(as_json(record))
        return
    show(explanation(record, now()))
    if file is not None:
        again = _decide_again(record, settings.source_plugins)
        show("", replay(record.decision, again))
        if again != record.decision:
            raise SystemExit(FAILED)


def _read(file: Path) -> Record:
    if file.stat().st_size > LARGEST_RECORD:
        raise fail(f"{file} is no record: it is larger than 64 MiB")
    return load_record(file.read_bytes())


def _decide_again(record: Record, sources: dict[str, str]) -> Decision:
    try:
        policy = parse_policy(record.policy, sources)
    except ValidationError as error:
        document = Document("this version does not understand the record's policy", record.policy)
        raise Problems(complaints.problems(error, document)) from error
    return decide(policy, record.observation, record.memory)[1]
