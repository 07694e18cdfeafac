"""How an act ended whose answer never came: told by reading, never by repeating."""

from __future__ import annotations

from collections.abc import Iterable

from autoscaler.model import Act, Intent, Outcome, Service, Task

STOPS_WITHIN = 60.0
"""Seconds after which a container that was asked to stop, and runs, was not stopped."""


def judge(intent: Intent, service: Service, tasks: Iterable[Task], now: float) -> Outcome | None:
    """How an act of unknown outcome ended, by what the service looks like now.

    None where that cannot be told yet.
    """
    action = intent.action
    if action.kind is Act.REPLACE:
        return _replaced(intent, tasks, now)
    if service.version == action.version:
        return Outcome.FAILED
    if action.kind is Act.ROLLBACK:
        return Outcome.DONE if service.template == action.release else Outcome.CONFLICT
    if action.heals:
        return Outcome.DONE if service.forced == action.forced else Outcome.CONFLICT
    return Outcome.DONE if service.replicas == action.replicas else Outcome.CONFLICT


def _replaced(intent: Intent, tasks: Iterable[Task], now: float) -> Outcome | None:
    """A task that does not run any more has been replaced, or soon will be."""
    if not any(task.id == intent.action.task and task.wanted for task in tasks):
        return Outcome.DONE
    return None if now < intent.at + STOPS_WITHIN else Outcome.FAILED
