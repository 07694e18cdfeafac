"""From decisions to happenings: of a state that lasts, its two ends are told.

What stands is compared with what stood at the last decision about the same service. A process
that has just started knows of nothing that stood, and tells all of it once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from autoscaler.errors import AutoscalerError
from autoscaler.model import (
    Act,
    Decision,
    Happening,
    HappeningKind,
    Health,
    Intent,
    Order,
    Outcome,
    Severity,
    Span,
    Watch,
    direction,
)

State = tuple[HappeningKind, str]
"""What stands, and what of the service it is about."""
NOTHING: Mapping[State, Happening] = MappingProxyType({})
SEVERITIES = {
    HappeningKind.SCALED: Severity.INFO,
    HappeningKind.HEALED: Severity.WARNING,
    HappeningKind.ROLLED_BACK: Severity.WARNING,
    HappeningKind.FAILED: Severity.WARNING,
    HappeningKind.HELD: Severity.INFO,
    HappeningKind.HEALTH: Severity.WARNING,
    HappeningKind.QUARANTINED: Severity.CRITICAL,
    HappeningKind.HEALING_STOPPED: Severity.CRITICAL,
    HappeningKind.RELEASE: Severity.WARNING,
    HappeningKind.NOTICE: Severity.WARNING,
    HappeningKind.METRICS: Severity.WARNING,
    HappeningKind.POLICIES: Severity.CRITICAL,
    HappeningKind.AGENTS: Severity.WARNING,
    HappeningKind.ERRORS: Severity.WARNING,
}
STOPS = ("fleet_stop", "failed_cure")
"""The guards that stop healing for reasons of the fleet."""


class Changes:
    """What stands of each service, and why it was acted on."""

    def __init__(self) -> None:
        self._standing: dict[str, Mapping[State, Happening]] = {}
        self._stopped: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._without_agent: set[str] = set()

    @property
    def stopped(self) -> int:
        """Services that are not healed, for reasons of the fleet."""
        return len(self._stopped)

    def of(self, decision: Decision) -> Iterator[Happening]:
        """What has begun or ended with a decision, or is told in it. Cheap where nothing has."""
        if decision.action is not None:
            self._reasons[decision.service] = decision.reason
        if decision.verdicts or self._stopped:
            stops = [each.reason for each in decision.verdicts if each.guard in STOPS]
            yield from self._of_fleet(decision.service, stops, decision.at)
        states = _states(decision)
        if states or decision.service in self._standing:
            yield from self._of_states(decision, states)
        for told in decision.tells:
            yield _happening(decision, HappeningKind.NOTICE, told, span=Span.MOMENT)

    def gone(self, service: str, at: float) -> Iterator[Happening]:
        """A service was removed, or no policy covers it: nothing stands of it any more."""
        self._reasons.pop(service, None)
        yield from self._of_fleet(service, (), at)
        for told in self._standing.pop(service, NOTHING).values():
            yield over(told, at)

    def agent(self, node: str, reason: str, at: float) -> Iterator[Happening]:
        """A node's agent went, or, without a reason, came; that is told of one that had gone."""
        if not reason and node not in self._without_agent:
            return
        (self._without_agent.add if reason else self._without_agent.discard)(node)
        text = f"the agent of {node} is " + (f"gone: {reason}" if reason else "there again")
        yield _of_process(HappeningKind.AGENTS, node, text, at, begun=bool(reason))

    def reason(self, intent: Intent) -> str:
        """Why an action was decided; empty where an earlier run decided it."""
        return self._reasons.get(intent.action.service, "")

    def _of_states(self, decision: Decision, states: dict[State, str]) -> Iterator[Happening]:
        """What stands is kept as it was when it began."""
        before = self._standing.get(decision.service, NOTHING)
        if decision.health is None:
            # A service that is paused is not looked at: how it was is not over by that.
            states = {state: "" for state in before if state[0] is not HappeningKind.HELD} | states
        if before.keys() == states.keys():
            return
        begun = {
            (kind, about): _happening(decision, kind, _told(kind, about, reason), about)
            for (kind, about), reason in states.items()
            if (kind, about) not in before
        }
        kept = {state: told for state, told in before.items() if state in states}
        self._standing[decision.service] = kept | begun
        if not states:
            del self._standing[decision.service]
        yield from begun.values()
        for state, told in before.items():
            if state not in states:
                yield over(told, decision.at)

    def _of_fleet(self, service: str, reasons: Sequence[str], at: float) -> Iterator[Happening]:
        """That healing has stopped is told once for all services."""
        before = bool(self._stopped)
        if reasons:
            self._stopped[service] = reasons[0]
        else:
            self._stopped.pop(service, None)
        if before != bool(self._stopped):
            text = f"healing has stopped: {reasons[0]}" if reasons else "healing goes on"
            yield _of_process(HappeningKind.HEALING_STOPPED, "", text, at, begun=bool(reasons))


def _states(decision: Decision) -> dict[State, str]:
    """What stands by a decision, with the reason; asked for in each pass over each service."""
    found: dict[State, str] = {}
    if decision.held_by is not None:
        found[HappeningKind.HELD, decision.held_by] = decision.reason
    health = decision.health
    if health is not None and health.state.sick:
        bad = health.state is Health.QUARANTINED
        kind = HappeningKind.QUARANTINED if bad else HappeningKind.HEALTH
        found[kind, health.state.value] = "; ".join(health.reasons)
    for each in decision.recommendations:
        if each.replicas is None and not each.abstains and each.act is Act.SCALE:
            found[HappeningKind.METRICS, each.name] = each.reason
    return found


def _happening(
    decision: Decision, kind: HappeningKind, text: str, about: str = "", span: Span = Span.BEGUN
) -> Happening:
    return Happening(
        at=decision.at,
        kind=kind,
        severity=SEVERITIES[kind],
        text=text,
        span=span,
        service=decision.service,
        policy=decision.policy,
        about=about,
        decided_at=decision.at,
    )


_BEGUN = {
    HappeningKind.HELD: "held by {}",
    HappeningKind.METRICS: "the metric {} is not known",
}
_ENDED = {
    HappeningKind.HELD: "no longer held by {}",
    HappeningKind.METRICS: "the metric {} is known again",
}
"""How the ends of a state are told where they are not its name and `no longer ...`."""


def _told(kind: HappeningKind, about: str, reason: str) -> str:
    begun = _BEGUN.get(kind, "{}").format(about)
    return f"{begun}: {reason}" if reason else begun


def over(begun: Happening, at: float) -> Happening:
    """The other end of something that has begun."""
    text = _ENDED.get(begun.kind, "no longer {}").format(begun.about)
    return replace(begun, at=at, span=Span.OVER, text=text)


def released(decision: Decision, watch: Watch) -> Happening:
    """The watch over a release has ended."""
    text = f"the release {watch.release} has {watch.phase.value}: {watch.reason}"
    told = _happening(decision, HappeningKind.RELEASE, text, watch.release, Span.MOMENT)
    well = watch.phase.value == "passed"
    return replace(
        told, outcome=watch.phase.value, severity=Severity.INFO if well else told.severity
    )


def acted(intent: Intent, outcome: Outcome, detail: str, reason: str, at: float) -> Happening:
    """An action has ended, or it is not known how."""
    action = intent.action
    kind = _kind(action.kind) if outcome is Outcome.DONE else HappeningKind.FAILED
    ended = "" if outcome is Outcome.DONE else f" {_WORDS[outcome]}"
    told = f"{action.told}{ended}"
    return Happening(
        at=at,
        kind=kind,
        severity=SEVERITIES[kind],
        text=": ".join(filter(None, (told, "; ".join(filter(None, (detail, reason)))))),
        service=action.service,
        policy=intent.policy,
        about=action.rule,
        action=direction(action.kind, action.change),
        outcome=outcome.value,
        decided_at=intent.at,
    )


_WORDS = {
    Outcome.CONFLICT: "was overtaken by somebody else",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "may or may not have been done",
}


def _kind(act: Act) -> HappeningKind:
    if act is Act.SCALE:
        return HappeningKind.SCALED
    return HappeningKind.ROLLED_BACK if act is Act.ROLLBACK else HappeningKind.HEALED


def ordered(order: Order, reason: str, at: float) -> Happening:
    """An order by hand has ended without an action."""
    kind = HappeningKind.NOTICE
    text = f"{order.asks}: ended: {reason}"
    return Happening(at=at, kind=kind, severity=Severity.INFO, text=text, service=order.service)


def policies(errors: Sequence[str], at: float) -> Happening:
    """Policies could not be loaded, or, without errors, can be again."""
    text = f"policies not loaded, the old ones stay: {'; '.join(errors)}"
    told = text if errors else "policies are loaded again"
    return _of_process(HappeningKind.POLICIES, "", told, at, begun=bool(errors))


def failing(where: str, service: str, error: BaseException, at: float) -> Happening:
    """A part of the work fails. What a fault of the program says may hold anything: the log's."""
    known = isinstance(error, AutoscalerError)
    text = str(error) if known else f"{type(error).__name__}; the log says more"
    told = _of_process(HappeningKind.ERRORS, where, f"{where} fails: {text}", at, begun=True)
    return replace(told, service=service)


def recovered(where: str, service: str, at: float) -> Happening:
    """It goes well again."""
    told = _of_process(HappeningKind.ERRORS, where, f"{where} goes well again", at, begun=False)
    return replace(told, service=service)


def _of_process(kind: HappeningKind, about: str, text: str, at: float, *, begun: bool) -> Happening:
    return Happening(
        at=at,
        kind=kind,
        severity=SEVERITIES[kind],
        text=text,
        span=Span.BEGUN if begun else Span.OVER,
        about=about,
    )
