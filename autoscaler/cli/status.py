"""`status`: how do the services stand?"""

from __future__ import annotations

from collections.abc import Iterable

import click

from autoscaler.cli.covered import covered
from autoscaler.cli.pulse import is_well, pulse, told
from autoscaler.cli.render import decisions, orders
from autoscaler.cli.stored import as_json, last_decisions, standing_orders
from autoscaler.cli.terminal import Context, note, now, over_api, pass_context, run, show, show_json
from autoscaler.model import Decision
from autoscaler.passing import Passing
from autoscaler.policy_files import LoadedPolicy, PolicyFiles
from autoscaler.settings import Settings


@click.command(short_help="How does each service stand?")
@click.option("--store", help="The service's store, if not that of the settings.")
@over_api
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@pass_context
def status(context: Context, store: str | None, as_json_: bool) -> None:
    """Show what was last decided about each service, from the running service's store.

    Look here first: who is held, by which guard, and why. The first line tells when the last pass
    was made, or since when none is and why. A decision is stored when it differs from the one
    before, so an old one still holds. Then what stands by hand: pauses with
    their end, and orders that wait. Then each policy of the settings' files by which nothing was
    decided, and, where the running service answers, which nodes have no agent and what is not
    seen there (all of these, beside JSON, on standard error).

    \b
    autoscaler status
    autoscaler status --json | jq '.[] | select(.held_by)'

    \b
    JSON: a list of {at, policy, service_id, service, current, wanted, action, reason, held_by,
          recommendations, verdicts}; `at` in Unix seconds.
    """
    settings = context.of_book(store)
    _show_pulse(run(pulse(settings, here=store is None)), beside_json=as_json_)
    found = run(last_decisions(settings))
    if as_json_:
        show_json([as_json(decision) for decision in found])
    elif found:
        show(decisions.current(found, now()))
    else:
        show("No decision has been stored yet.")
    note(orders.standing(run(standing_orders(settings)), now()), beside_json=as_json_)
    note(covered(settings), beside_json=as_json_)
    if found:
        lines = decisions.idle(_idle(settings, found), "has decided nothing: has it no service?")
        note(lines, beside_json=as_json_)


def _show_pulse(found: Passing, *, beside_json: bool) -> None:
    line = told(found, now())
    if not is_well(found, now()):
        note([line], beside_json=beside_json)
    elif not beside_json:
        show(line)


def _idle(settings: Settings, found: Iterable[Decision]) -> list[LoadedPolicy]:
    deciding = {decision.policy for decision in found}
    checked = PolicyFiles(
        settings.policy_paths, settings.source_plugins, settings.notifiers
    ).check()
    return [each for each in checked.policies.policies if each.policy.name not in deciding]
