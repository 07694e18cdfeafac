"""Decisions side by side: what `plan`, `status` and `history` print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.cli.render.listing import Listing
from autoscaler.model import Decision, Outcome
from autoscaler.policy_files import LoadedPolicy


def planned(decisions: Sequence[Decision]) -> RenderableType:
    """What would be done now, the services that would change first."""
    drawn = Listing("SERVICE", "POLICY", ">NOW", ">WANTED", "WOULD", "HELD BY", "BECAUSE")
    for decision in sorted(decisions, key=lambda d: (d.action is None, d.service)):
        drawn.add_row(
            Text(decision.service, style="bold"),
            decision.policy,
            words.count(decision.current),
            words.count(decision.wanted),
            _would(decision),
            Text(decision.held_by or "", style="yellow"),
            words.because(decision),
        )
    changes = sum(decision.action is not None for decision in decisions)
    services = words.counted(len(decisions), "service")
    ending = f"{services}, {changes} would change; nothing was changed"
    return Group(drawn, Text(), Text(ending, style="dim"))


def current(decisions: Iterable[Decision], now: float) -> Listing:
    """What was last stored about each service."""
    columns = ("SERVICE", "POLICY", "HEALTH", ">REPLICAS", "HELD BY", ">STORED", "BECAUSE")
    drawn = Listing(*columns)
    for decision in decisions:
        drawn.add_row(
            Text(decision.service, style="bold"),
            decision.policy,
            words.health(decision.health),
            words.change(decision),
            Text(decision.held_by or "", style="yellow"),
            f"{words.ago(decision.at, now)} ago",
            words.because(decision),
        )
    return drawn


def past(entries: Iterable[tuple[Decision, Outcome | None]]) -> Listing:
    """What was decided, when, and how it ended."""
    drawn = Listing("TIME", "SERVICE", ">REPLICAS", "OUTCOME", "HELD BY", "BECAUSE")
    for decision, outcome in entries:
        drawn.add_row(
            words.at(decision.at),
            Text(decision.service, style="bold"),
            words.change(decision),
            words.outcome(outcome, decision),
            Text(decision.held_by or "", style="yellow"),
            words.because(decision),
        )
    return drawn


def idle(policies: Iterable[LoadedPolicy], told: str) -> list[str]:
    """A line for each policy that has no service."""
    return [f"policy {each.policy.name} ({each.file}:{each.line}) {told}" for each in policies]


def _would(decision: Decision) -> Text:
    if decision.action is None:
        return Text("stay", style="dim")
    action = decision.action
    told = action.told if action.heals else f"scale to {action.replicas}"
    return Text(told, style="bold green")
