"""What a decision comes to in figures and labels."""

from __future__ import annotations

from collections.abc import Mapping

from autoscaler.model import Action, Decision, Sample, direction
from autoscaler.service_series import Figures


def direction_of(action: Action | None) -> str:
    """The label of an action, or of none."""
    return "none" if action is None else direction(action.kind, action.change)


def figures(
    decision: Decision, samples: Mapping[str, Sample], bounds: tuple[int, int] | None
) -> Figures:
    """What is shown of a service after a decision."""
    least, most = bounds or (None, None)
    return Figures(
        current=decision.current,
        wanted=decision.wanted,
        desired=outcome_of(decision),
        least=least,
        most=most,
        health=decision.health.state.value if decision.health else None,
        held_by=decision.held_by,
        samples=samples,
    )


def outcome_of(decision: Decision) -> int | None:
    """The replicas that a decision comes to."""
    return decision.action.replicas if decision.action else decision.current
