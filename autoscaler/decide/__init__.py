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

from autoscaler.decide import asking, by_hand, clocks, healing, pace, recall
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


def decide(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Decision]:
    """One step: what to remember, and what to do."""
    after, decision = _automatic(policy, observation, memory)
    return by_hand.obey(policy, observation, after, decision)


def _automatic(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Decision]:
    """What the policy asks for, whatever people order."""
    if policy.mode is PolicyMode.PAUSED:
        resting = _nothing(policy, observation, "the policy is paused", "paused")
        return recall.unwatched(memory), resting
    if observation.paused is not None:
        resting = _nothing(policy, observation, observation.paused, "paused")
        return recall.unwatched(memory), resting
    memory = clocks.not_ahead(memory, observation.now)
    healed = healing.heal(policy, observation, memory.healing)
    if healed.memory is not memory.healing:
        memory = replace(memory, healing=healed.memory)
    after, decision = _size(policy, observation, memory)
    return after, _with_health(decision, healed)


def _with_health(decision: Decision, healed: healing.Healed) -> Decision:
    """One action: a cure if there is one, else the scale."""
    said = healing.described(healed.candidates, healed.verdicts)
    action = healed.action or decision.action
    held_by = decision.held_by or (healed.verdicts[0].guard if healed.verdicts else None)
    return replace(
        decision,
        action=action,
        reason="; ".join([*said, decision.reason] if healed.action else [decision.reason, *said]),
        held_by=None if action else held_by,
        recommendations=(*healed.candidates, *decision.recommendations),
        verdicts=(*healed.verdicts, *decision.verdicts),
        health=healed.standing,
        tells=healed.tells,
        watch=healed.memory.releases.watch,
    )


def _size(policy: Policy, observation: Observation, memory: Memory) -> tuple[Memory, Decision]:
    """How many replicas there should be."""
    if policy.scale is None:
        return memory, _nothing(policy, observation, "the policy does not scale")
    if observation.service.replicas is None:
        return memory, _nothing(
            policy, observation, f"{observation.service.mode} services do not scale", "scalable"
        )
    return _scale(policy, policy.scale, observation, memory)


def _scale(
    policy: Policy, scale: Scale, observation: Observation, memory: Memory
) -> tuple[Memory, Decision]:
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
    return _remember(case), _judged(case)


def _remember(case: Case) -> Memory:
    """The log of what was wanted; what only the bounds ask for does not count.

    Neither does what a part of the metrics would shrink to: the others might want more.
    """
    silent = not case.recommendations or case.forced or case.want.without_data
    partly = any(r.replicas is None and not r.abstains for r in case.recommendations)
    if silent or (partly and case.wanted < case.current):
        return case.memory
    runs = pace.remember(case.memory.recommendations, case.wanted, case.scale.behavior, case.now)
    return replace(case.memory, recommendations=runs)


def _judged(case: Case) -> Decision:
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
    return _decision(case, proposed, tuple(verdicts))


def _decision(case: Case, replicas: int, verdicts: tuple[Verdict, ...]) -> Decision:
    held = replicas == case.current and case.wanted != case.current
    service = case.observation.service
    action = None
    if replicas != case.current:
        action = Action(
            kind=Act.SCALE,
            service_id=service.id,
            service=service.name,
            version=service.version,
            replicas=replicas,
            previous=case.current,
            over=Rollout.NONE if service.rollout.settled else service.rollout,
        )
    return Decision(
        at=case.now,
        policy=case.policy.name,
        service_id=service.id,
        service=service.name,
        current=case.current,
        wanted=case.wanted,
        action=action,
        reason=_reason(case, verdicts),
        min=case.bounds.min,
        max=case.bounds.max,
        held_by=verdicts[-1].guard if held else None,
        recommendations=case.recommendations,
        verdicts=verdicts,
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


def _unknown(case: Case) -> Decision:
    held_by = "missing_data" if case.want.missing else None
    return replace(_decision(case, case.current, ()), wanted=None, held_by=held_by)


def _nothing(
    policy: Policy, observation: Observation, reason: str, held_by: str | None = None
) -> Decision:
    service = observation.service
    return Decision(
        at=observation.now,
        policy=policy.name,
        service_id=service.id,
        service=service.name,
        current=service.replicas,
        wanted=None,
        action=None,
        reason=reason,
        held_by=held_by,
    )
