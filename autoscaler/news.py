"""What of a pass is worth a write, a line or a figure; most passes are like the one before."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter

from autoscaler.model import Decision, Health, Memory, Run


def gist(decision: Decision, before: tuple[object, ...] = ()) -> tuple[object, ...]:
    """What makes a decision differ from the one before it: not the numbers in its reason.

    Nor that its health is not known: `before`, the gist of the last one, stands for it then.
    """
    unknown = tuple(r.name for r in decision.recommendations if r.replicas is None)
    mistake = decision.reason if decision.held_by == "labels" else ""
    health: object = decision.health.state if decision.health else None
    if health is Health.UNKNOWN and before:
        health = before[0]
    return (
        health,
        decision.policy,
        decision.current,
        (decision.held_by, mistake),
        unknown,
        decision.notes,
        tuple(r.name for r in decision.recommendations if r.by_hand),
        tuple((v.about, v.guard) for v in decision.verdicts if v.about),
        (decision.min, decision.max),
        (decision.watch.release, decision.watch.phase) if decision.watch else None,
    )


def happens(decision: Decision) -> bool:
    """Whether something is done or told, so that it is news however often it comes."""
    return decision.action is not None or bool(decision.tells)


def differ(before: Memory, after: Memory) -> bool:
    """Whether a memory is worth a write: as `recall.durable` says, and cheap to ask."""
    return _lasting(before.recommendations) != _lasting(after.recommendations) or (
        _rest(before) != _rest(after)
    )


_rest = attrgetter(*(each.name for each in fields(Memory) if each.name != "recommendations"))


def _lasting(runs: tuple[Run, ...]) -> tuple[object, ...]:
    return (runs[:-1], runs[-1].replicas, runs[-1].since) if runs else ()
