"""What the service says of itself: log lines, metrics and happenings, by the same calls.

The metrics stand in `metrics.py`, the form of the log lines in `logs.py`. Nothing here
is global: two instances in one process do not see each other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import structlog
from prometheus_client import generate_latest

from autoscaler import changes
from autoscaler.changes import Changes
from autoscaler.errors import Temporary
from autoscaler.figures import direction_of, figures
from autoscaler.happenings import Happenings
from autoscaler.logs import (
    Failing,
    Failures,
    Places,
    about,
    configure_logging,
    in_words,
    ordered,
    step,
    told,
    trace,
)
from autoscaler.metrics import Metrics
from autoscaler.model import (
    Act,
    Decision,
    Happening,
    Intent,
    Order,
    Outcome,
    Phase,
    Receipt,
    Sample,
)
from autoscaler.ports import Clock
from autoscaler.release_turns import ReleaseTurns
from autoscaler.wellbeing import Wellbeing

__all__ = ["Telemetry", "configure_logging"]


class Telemetry:
    """Counts, measures and logs what the loop does. Cheap enough for every pass."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._metrics = Metrics(clock)
        self._failures = Failures()
        self._log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("autoscaler")
        self._places = Places()
        self._wellbeing = Wellbeing()
        self._releases = ReleaseTurns()
        self._changes = Changes()
        self._stopped = 0
        self.happenings = Happenings()
        """Who wants to hear of what happens subscribes here."""
        # To look up a series by its labels costs more than to count: it is kept.
        self._decisions = cache(self._metrics.decisions.labels)
        self._policy_errors: frozenset[str] = frozenset()

    def decided(
        self,
        decision: Decision,
        *,
        news: bool,
        samples: Mapping[str, Sample],
        bounds: tuple[int, int] | None,
    ) -> None:
        """A pass over a service has ended; it is logged when it is news.

        `samples` are those that it was decided by, by metric; `bounds` are min and max.
        """
        action = decision.action
        self._decisions(direction_of(action), decision.held_by or "").inc()
        self._metrics.services.show(decision.service, figures(decision, samples, bounds))
        if news:
            self._log.info("decision", **told(decision))
        known = self._wellbeing.of(decision)
        self._tell_health(known)
        self._tell_release(decision)
        self._tell(*self._changes.of(known))
        if self._changes.stopped != self._stopped:
            self._stopped = self._changes.stopped
            self._metrics.healing_stopped.set(self._stopped)

    def _tell(self, *happenings: Happening) -> None:
        for each in happenings:
            self.happenings.tell(each)

    def _tell_release(self, decision: Decision) -> None:
        """A line when the watch over a release gets on; how it ended is counted."""
        watch = self._releases.of(decision)
        if watch is None:
            return
        if not watch.phase.open:
            self._metrics.releases.labels(watch.phase.value).inc()
            self._tell(changes.released(decision, watch))
        bad = watch.phase in (Phase.FAILED, Phase.INCONCLUSIVE)
        log = self._log.warning if bad else self._log.info
        said = {"release": watch.release, "phase": watch.phase.value, "reason": watch.reason}
        log("release", service=decision.service, **said)

    def _tell_health(self, decision: Decision) -> None:
        """A line when a service's state of health changes, and one for each thing to tell."""
        turn = self._wellbeing.turn(decision)
        if turn is not None and decision.health is not None:
            before, now = turn
            log = self._log.warning if now.sick else self._log.info
            said = {"from": before.value, "to": now.value}
            reason = "; ".join(decision.health.reasons)
            log("health", service=decision.service, **said, reason=reason)
        for notice in decision.tells:
            self._log.warning("notice", service=decision.service, reason=notice)

    def acted(
        self,
        intent: Intent,
        outcome: Outcome,
        detail: str,
        seconds: float,
        sample_to_call: float | None,
    ) -> None:
        """An action's call has ended, after `seconds`.

        `sample_to_call` are the seconds from the measurement of the newest sample behind
        it to the call; None when no sample stood behind it.
        """
        action = intent.action
        self._metrics.actions.labels(direction_of(action), outcome.value).inc()
        self._metrics.action_duration.observe(seconds)
        if sample_to_call is not None:
            self._metrics.sample_to_action.observe(sample_to_call)
        log = self._log.info if outcome is Outcome.DONE else self._log.warning
        log(
            "action",
            **step(action.service, action.previous, action.replicas),
            act=action.kind.value,
            outcome=outcome.value,
            detail=detail,
            seconds=round(seconds, 3),
            **ordered(action),
        )
        if outcome is not Outcome.CONFLICT:
            self._tell_action(intent, outcome, detail)
        if action.kind is Act.ROLLBACK and outcome is Outcome.DONE:
            self._metrics.services.rolled_back(action.service)

    def settled(self, intent: Intent, outcome: Outcome, detail: str) -> None:
        """It is known by now how an action ended that was not answered."""
        action = intent.action
        said = {"act": action.kind.value, "outcome": outcome.value, "detail": detail}
        self._log.info("action settled", service=action.service, **said)
        self._tell_action(intent, outcome, detail)

    def _tell_action(self, intent: Intent, outcome: Outcome, detail: str) -> None:
        reason = self._changes.reason(intent)
        self._tell(changes.acted(intent, outcome, detail, reason, self._clock()))

    def order_ended(self, order: Order, reason: str) -> None:
        """An order by hand has ended, and no decision tells of it."""
        self._log.warning("order ended", order=order.asks, **about(order.service), reason=reason)
        self._tell(changes.ordered(order, reason, self._clock()))

    def passed(self, seconds: float, services: int) -> None:
        """A pass over the whole fleet has ended."""
        self._metrics.pass_duration.observe(seconds)
        self._metrics.pass_services.set(services)
        self._metrics.pass_at.set(self._clock())

    def observed(self, seconds: float, nodes: int) -> None:
        """The fleet has been looked at; so many of its nodes are ready."""
        self._metrics.nodes.set(nodes)
        self._metrics.observation_duration.observe(seconds)

    def store_failed(self, error: BaseException) -> None:
        """Something could not be stored; `well("store")` ends it."""
        self.error("store", error)

    def loop_lag(self, seconds: float) -> None:
        """A timer fired so much later than it was asked to."""
        self._metrics.loop_lag.observe(seconds)

    def stream_reconnected(self, reason: str = "") -> None:
        """The engine's event stream was opened anew; while an engine is away, often."""
        self._metrics.reconnects.inc()
        self._log.debug("event stream opened anew", reason=reason)

    def policies_loaded(self, count: int) -> None:
        """A new set of policies is in force."""
        if self._policy_errors:
            self._tell(changes.policies((), self._clock()))
        self._policy_errors = frozenset()
        self._metrics.policies.set(count)
        self._metrics.reload_successful.set(1)
        self._metrics.reload_at.set(self._clock())
        self._log.info("policies loaded", count=count)

    def policies_failed(self, errors: Sequence[str]) -> None:
        """Policies could not be loaded, the old ones stay; each error is logged once."""
        self._metrics.reload_successful.set(0)
        for error in errors:
            if error not in self._policy_errors:
                self._log.error("policies not loaded", error=str(error))
        if not self._policy_errors.issuperset(errors):
            self._tell(changes.policies(errors, self._clock()))
        self._policy_errors = frozenset(errors)

    def agent_came(self, node: str, hostname: str, peer: str, agents: int) -> None:
        """A node's agent is there; so many nodes have one now."""
        self._metrics.agents.set(agents)
        self._failures.end("agents", peer)
        self._failures.end("agents", hostname)
        self._log.info("agent came", node=hostname, id=node, peer=peer)
        self._tell(*self._changes.agent(hostname, "", self._clock()))

    def agent_went(self, node: str, hostname: str, reason: str, agents: int) -> None:
        """A node's agent is gone: what happens there is seen late, and in part."""
        self._metrics.agents.set(agents)
        self._log.warning("agent went", node=hostname, id=node, reason=reason)
        self._tell(*self._changes.agent(hostname, reason, self._clock()))

    def agent_refused(self, reason: str, who: str, detail: str) -> None:
        """An agent, or something that it said, was refused; logged once for each of them."""
        self._metrics.agent_refusals.labels(reason).inc()
        if self._failures.news("agents", who, detail, self._clock()):
            self._log.warning("agent refused", who=who, reason=reason, detail=detail)

    def request_refused(self, reason: str) -> None:
        """A request was refused for who made it."""
        self._metrics.refusals.labels(reason).inc()

    def alerts_received(self, receipts: Iterable[Receipt]) -> None:
        """Alerts were told, and stored as far as they are news."""
        for receipt, count in Counter(receipts).items():
            self._metrics.alerts.labels(receipt.value).inc(count)

    def alerts_unusable(self, reasons: Sequence[str]) -> None:
        """Alerts were told that cannot be used; the same reason is logged once."""
        self._metrics.alerts.labels(Receipt.IGNORED.value).inc(len(reasons))
        if reasons and self._failures.news("alerts told", "", reasons[0], self._clock()):
            self._log.warning("alerts ignored", count=len(reasons), reason=reasons[0])

    def agent_event(self, kind: str) -> None:
        """Something happened to a container, says an agent, for the first time."""
        self._metrics.agent_events.labels(kind).inc()

    def notifies(self, notifier: str) -> None:
        """There is a notifier of this name: its series begin."""
        for outcome in ("sent", "failed"):
            self._metrics.notifications.labels(notifier, outcome)
        self._metrics.dropped.labels(notifier)

    def notified(self, notifier: str) -> None:
        """A message was sent."""
        self._metrics.notifications.labels(notifier, "sent").inc()
        if self._failures.end("notifiers", notifier):
            self._log.info("notifier recovered", notifier=notifier)

    def not_notified(self, notifier: str, error: BaseException) -> None:
        """A message could not be sent, for all attempts; logged once, until one can."""
        self._metrics.notifications.labels(notifier, "failed").inc()
        if self._failures.news("notifiers", notifier, str(error), self._clock()):
            self._log.warning("notification failed", notifier=notifier, error=str(error))

    def not_told(self, notifier: str, happenings: int) -> None:
        """So many happenings will not be told."""
        self._metrics.dropped.labels(notifier).inc(happenings)

    def gone(self, service: str) -> None:
        """A service, by name, was removed, or no policy covers it: its series end."""
        self._metrics.services.drop(service)
        self._wellbeing.forget(service)
        self._releases.forget(service)
        self._failures.forget(service)
        self._tell(*self._changes.gone(service, self._clock()))

    def error(self, where: str, error: BaseException, *, service: str = "") -> None:
        """Something failed. Said once, then counted, until `well` ends it.

        `where` names a part of the work; it is a metric's label, so a service's name
        belongs into `service`, which is not.
        """
        self._metrics.errors.labels(self._places.of(where)).inc()
        text = f"{type(error).__name__}: {error}"
        if self._failures.news(where, service, in_words(error), self._clock()):
            known = isinstance(error, Temporary)
            log = self._log.warning if known else self._log.error
            log("failed", where=where, error=text, **about(service), exc_info=trace(error))
            self._tell(changes.failing(where, service, error, self._clock()))

    def failing(self, where: str) -> Failing | None:
        """What has failed there, since when; None while it goes well."""
        return self._failures.open(where)

    def well(self, where: str, *, service: str = "") -> None:
        """It went well; logged when it had failed before."""
        run = self._failures.end(where, service)
        if run is not None:
            lasted = round(self._clock() - run.since, 1)
            self._log.info(
                "recovered", where=where, **about(service), failures=run.count, seconds=lasted
            )
            self._tell(changes.recovered(where, service, self._clock()))

    def render(self) -> bytes:
        """All metrics in Prometheus' text format. Takes 0.1 s for some 10,000 series."""
        return generate_latest(self._metrics)
