"""What heals leave behind: which of them lasted, when to give up, when to forget. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoscaler.model import (
    Action,
    Attempt,
    Finding,
    Healing,
    Health,
    Observation,
    Quarantine,
    Standing,
    TaskState,
    Unsent,
)
from autoscaler.policy import Disruption

MOST_ATTEMPTS = 50
"""Heals of one service that are remembered."""
MOST_TOLD = 300
"""Characters of a reason that are remembered."""
BY_ITSELF = frozenset({TaskState.FAILED, TaskState.REJECTED})
"""States in which a task is that nobody has ended."""
HEALTHY = Health.HEALTHY


def released(memory: Healing, observation: Observation) -> Healing:
    """A new release starts anew: it may be the very cure that somebody found.

    One that a rollback of ours brought back is no fresh start: the rollback counts as a heal.
    """
    memory = _freed(memory, observation)
    release, now = observation.service.template, observation.now
    if memory.release in ("", release) or observation.unsettled is not None:
        return memory if memory.release else replace(memory, release=release)
    ours = bool(memory.attempts) and memory.attempts[-1].to == release
    return replace(
        memory,
        release=release,
        released_at=now,
        counted_from=memory.counted_from if ours else now,
        quarantine=None,
        well_since=None,
        since={},
    )


def _freed(memory: Healing, observation: Observation) -> Healing:
    """A person has ended the quarantine: what was tried before does not count any more."""
    held, freed = memory.quarantine, observation.released_at
    if held is None or freed is None or freed < held.at:
        return memory
    return replace(memory, quarantine=None, counted_from=observation.now, since={})


def counts_from(memory: Healing) -> float:
    """Symptoms from before this time have been treated, or belong to another release."""
    last = memory.attempts[-1].at if memory.attempts else 0.0
    return max(last, memory.released_at)


def give_up(
    memory: Healing, rest: Disruption, observation: Observation, asked: Sequence[object]
) -> Healing:
    """Put a service that heals do not help into quarantine, when another one is asked for."""
    if memory.quarantine or not asked:
        return memory
    run = memory.run
    if len(run) < rest.quarantine_after:
        return memory
    if not observation.service.rollout.settled or observation.now < run[-1].at + rest.backoff:
        # The last heal is not over yet: it may still help.
        return memory
    told = f"{len(run)} heals did not last; no more until a person or a new release frees it"
    if run[-1].failure:
        told = f"{told}; the last one failed: {run[-1].failure}"
    given_up = Quarantine(at=observation.now, reason=told, release=observation.service.template)
    return replace(memory, quarantine=given_up)


def as_finding(memory: Healing) -> tuple[Finding, ...]:
    """The quarantine, as part of what is wrong."""
    held = memory.quarantine
    return (Finding(state=Health.QUARANTINED, reason=held.reason),) if held else ()


def watch(
    memory: Healing, rest: Disruption, observation: Observation, standing: Standing
) -> Healing:
    """Take heals for successful once the service has been well for long enough after them."""
    if standing.state is not HEALTHY:
        return memory if memory.well_since is None else replace(memory, well_since=None)
    since = observation.now if memory.well_since is None else memory.well_since
    since = max(since, _last_failure(observation))
    if memory.run and observation.now >= since + rest.well_after:
        return replace(memory, well_since=since, counted_from=observation.now)
    return memory if since == memory.well_since else replace(memory, well_since=since)


def _last_failure(observation: Observation) -> float:
    """When a task last ended by itself: until then the service was not well."""
    return max((t.since for t in observation.tasks or () if t.state in BY_ITSELF), default=0.0)


def attempted(memory: Healing, action: Action, now: float, failure: str = "") -> Healing:
    """What is known once a heal has been tried, whether or not the engine took it."""
    attempt = Attempt(
        at=now,
        act=action.kind,
        rule=action.rule,
        release=memory.release,
        to=action.release,
        failure=failure[:MOST_TOLD],
        by_hand=action.order is not None,
    )
    attempts = (*memory.attempts, attempt)[-MOST_ATTEMPTS:]
    return replace(memory, attempts=attempts, unsent=None, well_since=None, since={})


def unsent(memory: Healing, reason: str, now: float) -> Healing:
    """What is known once a heal came to nothing before anything was sent: it was not tried.

    It counts for no cooldown, no back-off and no quarantine: nothing speaks against the cure.
    """
    return replace(memory, unsent=Unsent(at=now, reason=reason[:MOST_TOLD]))
