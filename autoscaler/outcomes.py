"""How an act ended whose answer never came: told by reading, never by repeating."""

from __future__ import annotations

from autoscaler.model import Intent, Outcome, Service


def judge(intent: Intent, service: Service) -> Outcome:
    """How an act of unknown outcome ended, by what the service looks like now."""
    action = intent.action
    if service.version == action.version:
        return Outcome.FAILED
    if action.heals:
        return Outcome.DONE if service.forced == action.forced else Outcome.CONFLICT
    return Outcome.DONE if service.replicas == action.replicas else Outcome.CONFLICT
