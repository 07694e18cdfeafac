"""What `check` found in policy files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.cli.render.listing import Listing
from autoscaler.policy import Policy, PolicyMode, Selector
from autoscaler.policy_files import Checked, LoadedPolicy
from autoscaler.problems import Problem

MOST_SHOWN = 50
_MODES = {PolicyMode.ACTIVE: "green", PolicyMode.DRY_RUN: "cyan", PolicyMode.PAUSED: "yellow"}


def listing(
    checked: Checked, problems: Sequence[Problem], warnings: Sequence[Problem] = ()
) -> RenderableType:
    """A table of policies, the problems, the warnings, and a sentence to end with."""
    drawn: list[RenderableType] = []
    if checked.policies.policies:
        drawn += [_policies(checked), Text()]
    drawn += _told(problems, "red")
    drawn += _told(warnings, "yellow", "warning: ")
    return Group(*drawn, _verdict(checked, problems))


def of_file(checked: Checked, file: str) -> Iterator[LoadedPolicy]:
    """The policies that a file holds."""
    return (loaded for loaded in checked.policies.policies if loaded.file == file)


def summary(loaded: LoadedPolicy) -> Mapping[str, Any]:
    """A policy for machines."""
    scale = loaded.policy.scale
    return {
        "name": loaded.policy.name,
        "line": loaded.line,
        "mode": loaded.policy.mode.value,
        "services": chosen(loaded.policy),
        "min": scale and scale.min,
        "max": scale and scale.max,
        "metrics": [metric.name for metric in scale.metrics] if scale else [],
    }


def chosen(policy: Policy) -> list[str]:
    """What a policy's services are chosen by."""
    return [*policy.services, *(_selected(policy.selector) if policy.selector else ())]


def _selected(selector: Selector) -> Iterator[str]:
    if selector.stack is not None:
        yield f"stack {selector.stack}"
    if selector.name is not None:
        yield f"name {selector.name}"
    for key, value in selector.labels.items():
        yield f"label {key}={value}"


def _policies(checked: Checked) -> Listing:
    drawn = Listing("POLICY", "MODE", "SERVICES", ">REPLICAS", "METRICS", "WHERE")
    for loaded in checked.policies.policies:
        told = summary(loaded)
        bounds = "" if told["max"] is None else f"{told['min']} to {told['max']}"
        drawn.add_row(
            Text(told["name"], style="bold"),
            Text(told["mode"], style=_MODES[loaded.policy.mode]),
            ", ".join(told["services"]),
            bounds,
            ", ".join(told["metrics"]),
            Text(f"{loaded.file}:{loaded.line}", style="dim"),
        )
    return drawn


def _told(problems: Sequence[Problem], style: str, kind: str = "") -> Iterator[Text]:
    """A line for each, and an empty one after them."""
    for problem in problems[:MOST_SHOWN]:
        where, _, message = str(problem).partition(" ")
        yield Text.assemble((where, "bold"), " ", (kind + message, style))
    if len(problems) > MOST_SHOWN:
        yield Text(f"and {len(problems) - MOST_SHOWN} more", style="dim")
    if problems:
        yield Text()


def _verdict(checked: Checked, problems: Sequence[Problem]) -> Text:
    if not problems:
        policies = words.counted(len(checked.policies.policies), "policy", "policies")
        return Text(f"{policies} in {words.counted(len(checked.files), 'file')}: ok", style="green")
    faulty = Counter(problem.file for problem in problems)
    told = words.counted(len(problems), "problem")
    return Text(
        f"{told} in {words.counted(len(faulty), 'file')}; nothing of them would be applied",
        style="bold red",
    )
