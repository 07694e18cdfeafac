"""From an observation to a decision. Pure: the same values in, the same decision out.

    orders by hand ─────────────────────► guards, in order ─┐
    rules ─────────► findings ─► cures ─► guards, in order ─┤
    recommendations ─► want ────────────► guards, in order ─► Decision

`by_hand.py` puts what people order before all else.

`healing.py` looks at what is sick; a cure that its guards let pass comes before a scale, and
one that they hold does not keep the service from being scaled.

`asking.py` lets strategies recommend, `wanting.py` makes one wish of what they say,
`guards.py` says what may stand in the way, `pace.py` how fast a service may change, and
`recall.py` what is remembered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from autoscaler.decide import asking, by_hand, clocks, healing, once, pace, recall
from autoscaler.decide.bounds import in_force
from autoscaler.decide.case import Case
from autoscaler.decide.guards import GUARDS
from autoscaler.decide.wanting import want
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Memory,
    Observation,
    Recommendation,
    Rollout,
    Verdict,
)
from autoscaler.policy import Policy, PolicyMode, Scale

__all__ = ["decide"]

PAUSED = PolicyMode.PAUSED


class Size(NamedTuple):
    """What a pass comes to as far as the number of replicas is concerned."""

    reason: str
    held_by: str | None = None
    wanted: int | None = None
    action: Action | None = None
    min: int | None = None
    max: int | None = None
    recommendations: tuple[Recommendation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def decide(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Decision]:
    """One step: what to remember, and what to do."""
    after, decision = _automatic(policy, observation, memory)
    return by_hand.obey(policy, observation, after, decision)


def _automatic(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Decision]:
    """What the policy asks for, whatever people order."""
    if policy.mode is PAUSED:
        return _at_rest(policy, observation, memory, "the policy is paused")
    if observation.paused is not None:
        return _at_rest(policy, observation, memory, observation.paused)
    memory = clocks.not_ahead(memory, observation.now)
    healed = healing.heal(policy, observation, memory.healing)
    if healed.memory is not memory.healing:
        memory = replace(memory, healing=healed.memory)
    after, size = _size(policy, observation, memory)
    return after, _decision(policy, observation, size, healed)


def _at_rest(
    policy: Policy, observation: Observation, memory: Memory, reason: str
) -> tuple[Memory, Decision]:
    service, scale = observation.service, policy.scale
    counted = scale if service.replicas is not None else None
    bounds = in_force(counted, observation.windows) if counted else None
    decision = Decision(
        at=observation.now,
        policy=policy.name,
        service_id=service.id,
        service=service.name,
        current=service.replicas,
        wanted=None,
        action=None,
        reason=reason,
        # A person may still order a scale, within these.
        min=bounds.min if bounds else None,
        max=bounds.max if bounds else None,
        held_by="paused",
    )
    return recall.unwatched(memory), decision


def _decision(
    policy: Policy, observation: Observation, size: Size, healed: healing.Healed
) -> Decision:
    """One action: a cure if there is one, else the scale."""
    service, action = observation.service, healed.action or size.action
    held_by = size.held_by or (healed.verdicts[0].guard if healed.verdicts else None)
    return Decision(
        at=observation.now,
        policy=policy.name,
        service_id=service.id,
        service=service.name,
        current=service.replicas,
        wanted=size.wanted,
        action=action,
        reason=_told(size, healed),
        min=size.min,
        max=size.max,
        held_by=None if action else held_by,
        recommendations=healed.candidates + size.recommendations,
        verdicts=healed.verdicts + size.verdicts,
        health=healed.standing,
        tells=healed.tells,
        watch=healed.memory.releases.watch,
    )


def _told(size: Size, healed: healing.Healed) -> str:
    if not healed.candidates:
        return size.reason
    said = healing.described(healed.candidates, healed.verdicts)
    return "; ".join([*said, size.reason] if healed.action else [size.reason, *said])


def _size(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Size]:
    """How many replicas there should be."""
    if policy.scale is None:
        return memory, Size("the policy does not scale")
    if observation.service.replicas is None:
        return memory, Size(f"{observation.service.mode} services do not scale", "scalable")
    return _scale(policy, policy.scale, observation, memory)


def _scale(
    policy: Policy, scale: Scale, observation: Observation, memory: Memory
) -> tuple[Memory, Size]:
    seen = recall.take_in(memory, observation, scale)
    strategies, recommendations = asking.recommend(scale, observation, seen)
    if strategies != seen.strategies:
        seen = replace(seen, strategies=strategies)
    seen = recall.count_good(seen, observation, scale, recommendations)
    bounds = in_force(scale, observation.windows)
    case = Case(
        policy=policy,
        scale=scale,
        bounds=bounds,
        observation=observation,
        memory=seen,
        recommendations=recommendations,
        current=observation.service.replicas or 0,
        want=want(scale, bounds, observation, seen, recommendations),
    )
    if case.want.replicas is None:
        return seen, _unknown(case)
    size = _judged(case)
    return _remember(case, size), size


def _remember(case: Case, size: Size) -> Memory:
    """What was wanted, and what the samples behind an action asked for."""
    memory = _logged(case)
    if size.action is None:
        return memory
    return replace(memory, asked=once.asked(case.observation, case.recommendations))


def _logged(case: Case) -> Memory:
    """The log of what was wanted; what only the bounds ask for does not count.

    Neither does what a part of the metrics would shrink to: the others might want more.
    """
    if not case.recommendations or case.forced or case.want.without_data:
        return case.memory
    if case.wanted < case.current and any(
        r.replicas is None and not r.abstains for r in case.recommendations
    ):
        return case.memory
    runs = pace.remember(case.memory.recommendations, case.wanted, case.scale.behavior, case.now)
    return replace(case.memory, recommendations=runs)


def _judged(case: Case) -> Size:
    """Lead the proposal past the guards until one of them holds it."""
    proposed = case.wanted
    verdicts: list[Verdict] = []
    for guard in GUARDS:
        if proposed == case.current:
            break
        verdict = guard(case, proposed)
        if verdict is not None:
            verdicts.append(verdict)
            proposed = verdict.replicas
    held = verdicts[-1].guard if proposed == case.current != case.wanted else None
    return _sized(case, held, case.wanted, _action(case, proposed), tuple(verdicts))


def _unknown(case: Case) -> Size:
    return _sized(case, "missing_data" if case.want.missing else None)


def _sized(
    case: Case,
    held_by: str | None,
    wanted: int | None = None,
    action: Action | None = None,
    verdicts: tuple[Verdict, ...] = (),
) -> Size:
    told, low, high = _reason(case, verdicts), case.bounds.min, case.bounds.max
    return Size(told, held_by, wanted, action, low, high, case.recommendations, verdicts)


def _action(case: Case, replicas: int) -> Action | None:
    if replicas == case.current:
        return None
    service = case.observation.service
    return Action(
        kind=Act.SCALE,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=replicas,
        previous=case.current,
        over=Rollout.NONE if service.rollout.settled else service.rollout,
    )


def _reason(case: Case, verdicts: tuple[Verdict, ...]) -> str:
    said = [case.want.cause]
    said += [f"{verdict.guard}: {verdict.reason}" for verdict in verdicts]
    if not any(verdict.guard == "missing_data" for verdict in verdicts):
        said += [f"not known: {found.name}: {found.reason}" for found in _silent(case)]
    return "; ".join(said)


def _silent(case: Case) -> list[Recommendation]:
    """Metrics that say nothing though others do; one that is broken shall not go unseen."""
    if case.want.replicas is None or case.forced or case.want.without_data:
        return []
    return [r for r in case.recommendations if r.replicas is None and not r.abstains]
