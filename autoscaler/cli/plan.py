"""`plan`: what would be done now?"""

from __future__ import annotations

import click

from autoscaler.cli.covered import covered
from autoscaler.cli.render import decisions
from autoscaler.cli.render.explanation import explanation
from autoscaler.cli.stored import as_json
from autoscaler.cli.terminal import (
    Context,
    fail,
    note,
    now,
    pass_context,
    run,
    show,
    show_json,
)


@click.command(short_help="What would be done now, and why? Changes nothing.")
@click.option("--service", help="Only this service, explained in full.")
@click.option("--policies", multiple=True, help="A file or directory with policies; repeatable.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@pass_context
def plan(context: Context, service: str | None, policies: tuple[str, ...], as_json_: bool) -> None:
    """Make one pass against the real cluster and metrics that changes and stores nothing.

    Run it before the first `run`, and after changing a policy: it shows every service that
    a policy covers, what would happen to it, and what holds it; and each policy that covers
    no service, and which nodes have no agent (beside JSON, on standard error). It has no
    agents itself: of tasks on other nodes it knows neither CPU nor memory.

    \b
    autoscaler plan
    autoscaler plan --service shop_web
    autoscaler plan --policies policies/new.yaml

    \b
    JSON: a list of records: {policy, observation, memory, decision}; with `--service` as well.
          .[].decision has service, policy, current, wanted, action, held_by, reason.
    """
    settings = context.settings(policies=policies)
    from autoscaler import app

    found, idle = run(app.plan(settings, service))
    if as_json_ and found:
        show_json([as_json(record) for record in found])
    elif service:
        show(*(explanation(record, now()) for record in found))
    elif found:
        show(decisions.planned([record.decision for record in found]))
    if found:
        note(covered(settings), beside_json=as_json_)
    if service is None:
        lines = decisions.idle(idle, "covers no service of this cluster")
        note(lines, beside_json=as_json_ or not found)
    if not found:
        raise fail(f"no policy covers {service or 'any service'}, or it is not in the cluster")
