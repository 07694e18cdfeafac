"""Changes of replicas that are not ours: a person's are respected, a deploy's put right.

`docker stack deploy` writes the replicas of the stack file over ours, also where nothing
changed. It is told from a person by a new template, or by all services of the stack being
written within seconds; for the latter a moment must pass before it can be seen.
"""

from __future__ import annotations

from dataclasses import replace

from autoscaler.decide.bounds import may_be_zero
from autoscaler.model import Changed, Doubt, Memory, Observation, Reset, Scaled
from autoscaler.policy import Scale

PATIENCE = 6.0
"""Seconds after which a deploy has written all services of its stack."""
TOGETHER = 5.0
"""Seconds within which a deploy writes all services of a stack."""
LATEST = 60.0
"""Seconds after which a write that got no answer does not come any more."""
GIVEN_UP = 600.0
"""Seconds after which what a deploy took away is not put back any more."""


def notice(seen: Memory, before: Memory, observation: Observation) -> Memory:
    """Keep what the replicas were, if somebody has changed them since the last pass."""
    if before.replicas is None or before.replicas == seen.replicas:
        return seen
    late = before.doubt
    if late is not None and _has_come(late, seen, observation):
        return _own(seen, late)
    earliest = before.changed.replicas if before.changed else before.replicas
    changed = Changed(
        at=observation.now,
        replicas=max(earliest, before.replicas),
        updated_at=observation.service.updated_at,
    )
    return replace(seen, changed=changed)


def _has_come(doubt: Doubt, seen: Memory, observation: Observation) -> bool:
    """Whether this is the write of ours that got no answer."""
    return doubt.replicas == seen.replicas and observation.now <= doubt.at + LATEST


def _own(seen: Memory, doubt: Doubt) -> Memory:
    """What follows once the late write has shown."""
    change = Scaled(at=doubt.at, change=doubt.replicas - doubt.previous)
    return replace(seen, doubt=None, zeroed=doubt.replicas == 0, scaled=(*seen.scaled, change))


def judge(seen: Memory, before: Memory, observation: Observation, scale: Scale) -> Memory:
    """Settle who made the change, as soon as that can be seen."""
    changed = seen.changed
    if changed is None:
        return _recovered(seen, observation)
    released = before.template not in ("", observation.service.template)
    if released or _whole_stack(changed, observation):
        return _deployed(seen, changed, observation, scale)
    may_be_a_deploy = len(observation.stack_updates) > 1
    if may_be_a_deploy and observation.now < changed.at + PATIENCE:
        return seen
    return replace(seen, changed=None, reset=None, disturbed_at=changed.at, zeroed=False)


def _whole_stack(changed: Changed, observation: Observation) -> bool:
    """Whether all services of a stack of several were written together."""
    times = observation.stack_updates
    return len(times) > 1 and all(abs(at - changed.updated_at) <= TOGETHER for at in times)


def _deployed(seen: Memory, changed: Changed, observation: Observation, scale: Scale) -> Memory:
    """A deploy is no wish for a number; fewer replicas than before are put back."""
    # Whoever writes 0 switches off; a stack file that says 0 means it.
    taken = changed.replicas > (seen.replicas or 0) > 0 and scale.on_redeploy == "restore"
    reset = Reset(at=observation.now, replicas=changed.replicas) if taken else None
    zeroed = seen.replicas == 0 and (seen.zeroed or may_be_zero(scale, observation.windows))
    return replace(seen, changed=None, reset=reset, zeroed=zeroed)


def _recovered(seen: Memory, observation: Observation) -> Memory:
    reset, replicas = seen.reset, seen.replicas or 0
    if reset is None and not (seen.zeroed and replicas):
        return seen
    over = reset is not None and (
        replicas >= reset.replicas or observation.now > reset.at + GIVEN_UP
    )
    return replace(seen, reset=None if over else reset, zeroed=seen.zeroed and replicas == 0)
