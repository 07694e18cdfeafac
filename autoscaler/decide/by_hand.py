"""Orders by hand: candidates that come before all others. Pure.

An order is done, refused, or dropped when its time is over; then it is remembered as obeyed, so
that it is never done twice, whatever happens before it is withdrawn. What the policy decides
goes on beside it, and stands where no order can be done now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autoscaler.decide import healing, releases
from autoscaler.decide.order_guards import FINAL, ORDER_GUARDS, OrderCase
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Memory,
    Observation,
    Order,
    Recommendation,
    Revision,
    Verdict,
)
from autoscaler.policy import Policy


@dataclass(frozen=True, slots=True)
class Ordered:
    """A person, as one who asks for a cure."""

    then: str
    name: str
    otherwise: None = None
    cooldown: float = 0.0
    options: None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pass makes of one order."""

    order: Order
    action: Action | None = None
    verdict: Verdict | None = None
    dropped: str = ""
    """Why it is over without an act; empty while it is not."""

    @property
    def told(self) -> str:
        """The answer in words."""
        if self.dropped:
            return f"{self.order.asks}: not done: {self.dropped}"
        if self.verdict is not None:
            return f"{self.order.asks}: {self.verdict.guard}: {self.verdict.reason}"
        return self.order.asks


def obey(
    policy: Policy, seen: Observation, memory: Memory, decision: Decision
) -> tuple[Memory, Decision]:
    """The policy's decision, with what people have ordered put before it."""
    due = _due(seen, memory)
    if not due:
        return memory, decision
    memory = _noticed(policy, seen, memory)
    answers = []
    for order in due:
        answers.append(_answer(policy, seen, memory, order))
        if answers[-1].action is not None:
            break
    return _obeyed(memory, answers), _decision(decision, answers)


def refuse(seen: Observation, memory: Memory, decision: Decision) -> tuple[Memory, Decision]:
    """No order is heeded where no policy can speak for the service."""
    answers = [Answer(order, dropped=decision.reason) for order in _due(seen, memory)]
    if not answers:
        return memory, decision
    return _obeyed(memory, answers), _decision(decision, answers)


def _due(seen: Observation, memory: Memory) -> list[Order]:
    """What has not been done, refused or dropped yet."""
    return [order for order in seen.orders if memory.obeyed.get(order.kind) != order.at]


def _noticed(policy: Policy, seen: Observation, memory: Memory) -> Memory:
    """Whoever is paused still has to know which release a rollback leaves."""
    known = releases.noticed(memory.healing.releases, policy, seen)
    if known is memory.healing.releases:
        return memory
    return replace(memory, healing=replace(memory.healing, releases=known))


def _answer(policy: Policy, seen: Observation, memory: Memory, order: Order) -> Answer:
    case = _case(policy, seen, memory, order)
    verdict = _held(case)
    if order.over(seen.now) and seen.unsettled is None:
        told = f"; {verdict.guard}: {verdict.reason}" if verdict else ""
        return Answer(order, verdict=verdict, dropped=f"its time is over{told}")
    if verdict is not None:
        final = f"{verdict.guard}: {verdict.reason}" if verdict.guard in FINAL else ""
        return Answer(order, verdict=verdict, dropped=final)
    return Answer(order, action=_action(case))


def _case(policy: Policy, seen: Observation, memory: Memory, order: Order) -> OrderCase:
    act = order.kind.act or Act.NOTIFY
    return OrderCase(
        policy=policy,
        heal=Ordered(act, _name(order)),
        observation=seen,
        memory=memory.healing,
        act=act,
        revision=_revision(seen, memory, order) if act is Act.ROLLBACK else None,
        order=order,
    )


def _name(order: Order) -> str:
    return f"{order.kind} by hand"


def _revision(seen: Observation, memory: Memory, order: Order) -> Revision | None:
    """The kept release that is named, else the newest good one that is not there now."""
    if order.release:
        return next((each for each in seen.revisions if each.release == order.release), None)
    known = replace(memory.healing.releases, current=seen.service.template)
    return releases.target(known, seen.revisions)


def _held(case: OrderCase) -> Verdict | None:
    for guard in ORDER_GUARDS:
        reason = guard(case)
        if reason is not None:
            name, about = guard.__name__, _name(case.order)
            return Verdict(guard=name, replicas=case.current, reason=reason, about=about)
    return None


def _action(case: OrderCase) -> Action:
    if case.act is not Act.SCALE:
        return replace(healing.action(case), order=case.order)
    service = case.observation.service
    return Action(
        kind=Act.SCALE,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=case.asked,
        previous=case.current,
        order=case.order,
    )


def _obeyed(memory: Memory, answers: Iterable[Answer]) -> Memory:
    ended = {each.order.kind: each.order.at for each in answers if each.dropped}
    return replace(memory, obeyed={**memory.obeyed, **ended}) if ended else memory


def _decision(decision: Decision, answers: Sequence[Answer]) -> Decision:
    """An order's act takes the place of the policy's; one that waits is said to."""
    last = answers[-1].action
    waiting = [each.verdict.guard for each in answers if each.verdict and not each.dropped]
    action, said = last or decision.action, [each.told for each in answers]
    return replace(
        decision,
        action=action,
        wanted=last.replicas if last and not last.heals else decision.wanted,
        reason="; ".join([*said, decision.reason] if last else [decision.reason, *said]),
        held_by=None if action else next(iter(waiting), decision.held_by),
        recommendations=(*map(_recommended, answers), *decision.recommendations),
        verdicts=(*(each.verdict for each in answers if each.verdict), *decision.verdicts),
        tells=(*(each.told for each in answers if each.dropped), *decision.tells),
    )


def _recommended(answer: Answer) -> Recommendation:
    order = answer.order
    return Recommendation(
        name=_name(order),
        replicas=order.replicas,
        reason=order.asks,
        act=order.kind.act or Act.NOTIFY,
        by_hand=True,
    )
