"""Numbers, times and states in words."""

from __future__ import annotations

from datetime import datetime

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from autoscaler.model import Decision, Health, Outcome, Standing

UNKNOWN = "-"
_OUTCOMES = {
    Outcome.DONE: "green",
    Outcome.CONFLICT: "yellow",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "yellow",
}


def table(*columns: str, title: str | None = None) -> Table:
    """A table with a thin rule under its head."""
    drawn = Table(box=None, pad_edge=False, title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = column.startswith(">")
        justify: JustifyMethod = "right" if numeric else "left"
        # In a narrow terminal a name is folded, not cut: it is needed whole.
        drawn.add_column(column.removeprefix(">"), justify=justify, overflow="fold")
    return drawn


def count(number: int | None) -> str:
    """A number of replicas, or that it is not known."""
    return UNKNOWN if number is None else str(number)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 file`, `2 files`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def number(value: float | None) -> str:
    """A measured value in six digits."""
    return UNKNOWN if value is None else f"{value:g}"


def ago(then: float | None, now: float) -> str:
    """The time since: `12s`, `5m`, `3h`, `2d`; a little in the future counts as now."""
    if then is None:
        return UNKNOWN
    seconds = max(0.0, now - then)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"


def at(moment: float) -> str:
    """A moment in local time, to the second."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def change(decision: Decision) -> Text:
    """What a decision comes to: `5 -> 7`, or that it stays, and what held it."""
    if decision.action is not None and decision.action.heals:
        return Text(decision.action.told, style="bold green")
    if decision.action is not None:
        return Text(f"{decision.action.previous} -> {decision.action.replicas}", style="bold green")
    if decision.held_by is not None:
        wanted = "" if decision.wanted is None else f", wants {decision.wanted}"
        return Text(f"{count(decision.current)}{wanted}", style="yellow")
    return Text(count(decision.current))


def health(found: Standing | None) -> Text:
    """The state of health."""
    if found is None:
        return Text(UNKNOWN)
    style = "red" if found.state.sick else "green" if found.state is Health.HEALTHY else "yellow"
    return Text(found.state.value, style=style)


def because(decision: Decision) -> Text:
    """The reason, with a line for each note below it."""
    notes = [(f"\nnote: {note}", "dim") for note in decision.notes]
    return Text.assemble(decision.reason, *notes)


def outcome(found: Outcome | None, decision: Decision) -> Text:
    """How an action ended; nothing where there was none."""
    if decision.action is None:
        return Text("")
    if found is None:
        return Text("open", style="yellow")
    return Text(found.value, style=_OUTCOMES[found])
