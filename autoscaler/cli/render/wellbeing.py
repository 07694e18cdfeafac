"""How a service is, what was found wrong, and what holds the cure."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.model import Act, Decision


def health(decision: Decision) -> Table | None:
    """The state with its reasons, then each cure that was asked for and what became of it."""
    standing = decision.health
    if standing is None:
        return None
    drawn = Table.grid(padding=(0, 2))
    drawn.add_row(words.health(standing), "; ".join(standing.reasons))
    for found in decision.recommendations:
        if found.act is Act.SCALE or found.by_hand:
            continue
        act = Text("unknown", style="yellow") if found.abstains else Text(found.act, style="bold")
        drawn.add_row(act, f"{found.name}: {found.reason}")
        for verdict in decision.verdicts:
            if verdict.about == found.name:
                told = f"held by {verdict.guard}: {verdict.reason}"
                drawn.add_row("", Text(told, style="yellow"))
    for told in decision.tells:
        drawn.add_row(Text(Act.NOTIFY.value, style="bold"), told)
    return drawn


def release(decision: Decision) -> Table | None:
    """The watch over the release: how far it is, and what each check came to."""
    watch = decision.watch
    if watch is None:
        return None
    drawn = Table.grid(padding=(0, 2))
    drawn.add_row(watch.release, f"{watch.phase.value}  {watch.reason}".strip())
    for name, tally in watch.tallies.items():
        counted = f"{tally.passes} passed, {tally.failures} failed; last: {tally.last}"
        drawn.add_row(Text(name, style="dim"), counted)
    return drawn
