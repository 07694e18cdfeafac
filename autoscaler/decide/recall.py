"""Memory from pass to pass: what an observation, and what an act, leave behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autoscaler.decide import clocks, convalescence, others, pace, releases, trust
from autoscaler.decide.bounds import may_be_zero
from autoscaler.model import (
    Act,
    Action,
    Doubt,
    Memory,
    Observation,
    Quality,
    Recommendation,
    Run,
    Scaled,
)
from autoscaler.policy import Metric, Scale

AWAY = 60.0
"""Seconds without a pass after which what was recommended before is no guide any more, unless
passes are as rare as that."""
VALUE = Quality.VALUE
LONGEST_PERIOD = 1800.0
"""The longest period that a rate limit may have, in seconds."""


def take_in(memory: Memory, observation: Observation, scale: Scale) -> Memory:
    """What is known once the service has been looked at."""
    seen = _noticed(memory, observation, scale)
    scaled = pace.forget(seen.scaled, observation.now, LONGEST_PERIOD)
    runs = seen.recommendations or _first(observation.service.replicas or 0, observation.now)
    if scaled == seen.scaled and runs is seen.recommendations:
        return seen
    return replace(seen, scaled=scaled, recommendations=runs)


def _noticed(memory: Memory, observation: Observation, scale: Scale) -> Memory:
    """Whether somebody else changed the replicas, and who it was."""
    if observation.unsettled is not None:
        # A change whose outcome is not known yet may well be ours.
        return memory
    replicas, template = observation.service.replicas or 0, observation.service.template
    seen = memory
    if (replicas, template) != (memory.replicas, memory.template):
        seen = replace(memory, replicas=replicas, template=template)
    if memory.replicas is None:
        return replace(seen, zeroed=replicas == 0 and may_be_zero(scale, observation.windows))
    return others.judge(others.notice(seen, memory, observation), memory, observation, scale)


def _first(replicas: int, now: float) -> tuple[Run, ...]:
    """A service that is new to us stays as large as it is for a whole window."""
    return (Run(replicas=replicas, since=now, until=now),)


def count_good(
    memory: Memory,
    observation: Observation,
    scale: Scale,
    recommendations: Iterable[Recommendation],
) -> Memory:
    """Keep count of how long data have been missing, and of the good samples since."""
    if not _all_good(observation, scale, recommendations):
        since = observation.now if memory.missing_since is None else memory.missing_since
        return replace(memory, missing_since=since, good=0, good_at=None)
    if memory.missing_since is None:
        return memory
    return _recovering(memory, scale, _newest(observation, scale))


def _all_good(
    observation: Observation, scale: Scale, recommendations: Iterable[Recommendation]
) -> bool:
    """Whether every metric has an answer that is whole, and its strategy made sense of it."""
    for found in recommendations:
        if found.replicas is None and not found.abstains:
            return False
    return all(_whole(metric, observation) for metric in scale.metrics)


def _whole(metric: Metric, observation: Observation) -> bool:
    sample = observation.samples.get(metric.name)
    if sample is None or trust.excused(metric, observation):
        return True
    return sample.quality is VALUE and trust.shortage(metric, observation) is None


def _recovering(memory: Memory, scale: Scale, newest: float) -> Memory:
    if memory.good_at is not None and newest <= memory.good_at:
        return memory
    if memory.good + 1 >= scale.recovery:
        return replace(memory, missing_since=None, good=0, good_at=None)
    return replace(memory, good=memory.good + 1, good_at=newest)


def _newest(observation: Observation, scale: Scale) -> float:
    """The time of the last metric's sample: one that moves does not vouch for one that froze."""
    asked = (observation.samples.get(metric.name) for metric in scale.metrics)
    samples = (sample for sample in asked if sample is not None and sample.known)
    times = (observation.now if sample.at is None else sample.at for sample in samples)
    return min(times, default=observation.now)


def after(memory: Memory, action: Action, now: float) -> Memory:
    """What is known once an action has been done."""
    if action.heals:
        return _rolled_back(tried(memory, action, now), action, now)
    if action.order is not None:
        return _set_by_hand(obeyed(memory, action), action, now)
    change = Scaled(at=now, change=action.replicas - action.previous)
    reset = memory.reset
    if reset is not None and not action.previous < action.replicas < reset.replicas:
        reset = None
    return replace(
        memory,
        replicas=action.replicas,
        zeroed=action.replicas == 0,
        reset=reset,
        doubt=None,
        scaled=(*memory.scaled, change),
    )


def obeyed(memory: Memory, action: Action) -> Memory:
    """What is known once the act of an order has ended, however: it is never done again."""
    order = action.order
    if order is None:
        return memory
    return replace(memory, obeyed={**memory.obeyed, order.kind: order.at})


def _set_by_hand(memory: Memory, action: Action, now: float) -> Memory:
    """A person's change, as if by `docker service scale`: the policy rests after it."""
    return replace(
        memory,
        replicas=action.replicas,
        disturbed_at=now,
        changed=None,
        doubt=None,
        reset=None,
        zeroed=False,
    )


def doubted(memory: Memory, action: Action, now: float) -> Memory:
    """What is known when an act seems not to have happened: a slow cluster may show it yet."""
    doubt = Doubt(at=now, replicas=action.replicas, previous=action.previous)
    return replace(memory, doubt=doubt)


def tried(memory: Memory, action: Action, now: float, failure: str = "") -> Memory:
    """What is known once a cure has been tried; one that was refused is not tried at once again."""
    memory = obeyed(memory, action)
    return replace(memory, healing=convalescence.attempted(memory.healing, action, now, failure))


def unsent(memory: Memory, reason: str, now: float) -> Memory:
    """What is known once a cure came to nothing before anything was sent."""
    return replace(memory, healing=convalescence.unsent(memory.healing, reason, now))


def _rolled_back(memory: Memory, action: Action, now: float) -> Memory:
    """A template that we have brought back is no deploy."""
    if action.kind is not Act.ROLLBACK:
        return memory
    by_hand = action.order is not None
    before = memory.healing.releases
    known = releases.taken_back(before, action.release, action.rule, now, by_hand=by_hand)
    healing = replace(memory.healing, releases=known)
    return replace(memory, healing=healing, template=action.release)


def refused(memory: Memory, action: Action, now: float, failure: str = "") -> Memory:
    """What is known once the cluster has refused a cure for good."""
    after = tried(memory, action, now, failure)
    if action.kind is not Act.ROLLBACK:
        return after
    known = releases.refused(after.healing.releases, action)
    return replace(after, healing=replace(after.healing, releases=known))


def unwatched(memory: Memory) -> Memory:
    """What is known of a service that nobody looks after: what was found must be found anew."""
    if not (memory.healing.ailing or memory.healing.since):
        return memory
    return replace(memory, healing=replace(memory.healing, ailing=False, since={}))


def awake(memory: Memory, passed_at: float, now: float, away: float = AWAY) -> Memory:
    """What is known at a start: what was known when the last pass was made.

    Memory is stored when it changes, not at every pass: until the last pass the last
    recommendation stood. After a longer absence nobody knows what was needed meanwhile, so
    the service stays as large as it is for a whole window, as one that is new to us.
    `away` is how many seconds count as long.
    """
    memory = clocks.not_ahead(memory, now)
    if not memory.recommendations:
        return memory
    *earlier, last = memory.recommendations
    stood = replace(last, until=max(last.until, passed_at))
    return returned(replace(memory, recommendations=(*earlier, stood)), passed_at, now, away)


def returned(memory: Memory, passed_at: float, now: float, away: float = AWAY) -> Memory:
    """What is known after so long without a pass: see `awake`. Nobody asked meanwhile, either."""
    if now - passed_at <= away or memory.replicas is None:
        return memory
    missing = None if memory.missing_since is None else now
    runs = (*memory.recommendations, *_first(memory.replicas, now))
    return replace(memory, recommendations=runs, missing_since=missing, good=0, good_at=None)


def durable(memory: Memory) -> Memory:
    """The part whose change is worth a write: all but how long the last run stands."""
    if not memory.recommendations:
        return memory
    *earlier, last = memory.recommendations
    return replace(memory, recommendations=(*earlier, replace(last, until=last.since)))
