"""Orders by hand: those that stand, and what a pass made of them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.model import Decision, Order, OrderKind


def standing(orders: Iterable[Order], now: float) -> list[str]:
    """A line for each pause, and for each order that waits to be done."""
    shown = (each for each in orders if each.kind is not OrderKind.RELEASE)
    return [_line(each, now) for each in shown if not each.over(now)]


def _line(order: Order, now: float) -> str:
    about = order.service or "everything"
    what = "paused" if order.kind is OrderKind.PAUSE else "ordered"
    said = order.told if order.kind is OrderKind.PAUSE else order.asks
    end = "" if order.ends is None else f", until {words.at(order.ends)}"
    return f"{about} is {what} {said}, {words.ago(order.at, now)} ago{end}"


def by_hand(decision: Decision) -> Table | None:
    """What was ordered, and what held it or became of it."""
    asked = [each for each in decision.recommendations if each.by_hand]
    if not asked:
        return None
    drawn = Table.grid(padding=(0, 2))
    for each in asked:
        drawn.add_row(Text(each.act.value, style="bold"), each.reason)
        for verdict in decision.verdicts:
            if verdict.about == each.name:
                told = f"held by {verdict.guard}: {verdict.reason}"
                drawn.add_row("", Text(told, style="yellow"))
    return drawn
