"""What can be scraped: every metric, with its help, in one place.

`docs/metrics.md` is made from here: `python -m autoscaler.metrics > docs/metrics.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from autoscaler.model import Act, Outcome, Phase
from autoscaler.ports import Clock
from autoscaler.service_series import SERVICE_ROWS, Described, ServiceSeries

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
"""Bounds in seconds of what should be over in a moment: calls, passes, turns of the loop."""
_SLOW = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0)
"""Bounds in seconds of what waits for intervals of scrapes and passes."""
CURES = tuple(act.value for act in Act if act not in (Act.SCALE, Act.NOTIFY))


class Metrics(Collector):
    """All metrics of one process, in a registry of their own."""

    def __init__(self, clock: Clock) -> None:
        self._registry = CollectorRegistry()
        self.described: list[Described] = []
        self.services = ServiceSeries(clock)
        self._registry.register(self.services)
        ProcessCollector(registry=self._registry)
        self._of_decisions()
        self._of_passes()
        self._of_policies()
        self._of_agents()
        self._of_notifications()
        self._of_requests()
        self.described += SERVICE_ROWS

    def collect(self) -> Iterator[Metric]:
        """Every family, without the `_created` samples, which nobody asks for."""
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family

    def _of_decisions(self) -> None:
        self.decisions = self._counter(
            "decisions", "Passes over a service, by what came of them.", ("action", "held_by")
        )
        self.actions = self._counter(
            "actions", "Actions that were tried, by how they ended.", ("action", "outcome")
        )
        self.releases = self._counter(
            "release_watches", "Watches over new releases, by how they ended.", ("outcome",)
        )
        self.healing_stopped = self._gauge(
            "healing_stopped_services",
            "Services that are not healed because too much is sick at once, or the cure failed"
            " elsewhere.",
        )
        self._begin_at_zero()
        self.action_duration = self._histogram(
            "action_duration_seconds", "Duration of an action's call.", _QUICK
        )
        self.sample_to_action = self._histogram(
            "sample_to_action_seconds",
            "From the measurement of the newest sample behind an action to its call.",
            _SLOW,
        )

    def _begin_at_zero(self) -> None:
        """What is rare is seen to rise only where it was seen before."""
        for action in (*CURES, "scale_up", "scale_down"):
            for outcome in Outcome:
                self.actions.labels(action, outcome.value)
        for phase in (phase for phase in Phase if not phase.open):
            self.releases.labels(phase.value)

    def _of_passes(self) -> None:
        self.pass_duration = self._histogram(
            "pass_duration_seconds", "Duration of a pass over the fleet.", _QUICK
        )
        self.pass_services = self._gauge("pass_services", "Services in the last pass.")
        self.pass_at = self._gauge("pass_last_timestamp_seconds", "When the last pass ended.")
        self.observation_duration = self._histogram(
            "observation_duration_seconds", "Duration of a look at the fleet.", _QUICK
        )
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How much later than asked for a timer fired.", _QUICK
        )
        self.reconnects = self._counter(
            "event_stream_reconnects", "Times that the engine's event stream was opened anew."
        )
        self.errors = self._counter("errors", "What went wrong, by where.", ("where",))

    def _of_agents(self) -> None:
        self.nodes = self._gauge("nodes", "Nodes of the cluster that are ready.")
        self.agents = self._gauge("agents", "Nodes whose agent is there.")
        self.agent_events = self._counter(
            "agent_events", "Container events that agents told of, doubles left out.", ("kind",)
        )
        self.agent_refusals = self._counter(
            "agent_refusals", "Agents, and messages of agents, that were refused.", ("reason",)
        )

    def _of_requests(self) -> None:
        self.refusals = self._counter(
            "api_refusals", "Requests that were refused for who made them, by why.", ("reason",)
        )
        self.alerts = self._counter(
            "alerts_received", "Alerts that were told, by what became of them.", ("receipt",)
        )

    def _of_notifications(self) -> None:
        self.notifications = self._counter(
            "notifications", "Messages, by how they ended.", ("notifier", "outcome")
        )
        self.dropped = self._counter(
            "notification_events_dropped",
            "Happenings that were not told: too many waited, or their message failed.",
            ("notifier",),
        )

    def _of_policies(self) -> None:
        self.policies = self._gauge("policies", "Policies in force.")
        self.reload_successful = self._gauge(
            "config_last_reload_successful", "Whether the policies' last load succeeded (1 or 0)."
        )
        self.reload_at = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When policies were last loaded successfully.",
        )

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        self._describe(f"{name}_total", "counter", text, labels)
        return Counter(f"autoscaler_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        self._describe(name, "gauge", text)
        return Gauge(f"autoscaler_{name}", text, registry=self._registry)

    def _histogram(self, name: str, text: str, bounds: Sequence[float]) -> Histogram:
        self._describe(name, "histogram", text)
        return Histogram(f"autoscaler_{name}", text, registry=self._registry, buckets=bounds)

    def _describe(self, name: str, kind: str, text: str, labels: Sequence[str] = ()) -> None:
        self.described.append(Described(f"autoscaler_{name}", kind, tuple(labels), text))


def page(described: Iterable[Described]) -> str:
    """The documentation's page of metrics."""
    rows = (
        f"| `{row.name}` | {row.kind} | {_code(row.labels)} | {row.text} |" for row in described
    )
    return "\n".join((*_HEAD, *rows, "", *_FOOT, *_holders(), ""))


def _holders() -> Iterator[str]:
    """Every value of `held_by`."""
    from autoscaler.decide.guards import GUARDS
    from autoscaler.decide.heal_guards import HEAL_GUARDS
    from autoscaler.decide.order_guards import ORDER_GUARDS

    yield "* `held_by` names what kept a service as it is though something else was wanted; it is"
    yield "  empty otherwise:"
    yield f"  * guards of a scale, in order: {_code(each.__name__ for each in GUARDS)};"
    yield f"  * guards of a cure, in order: {_code(each.__name__ for each in HEAL_GUARDS)};"
    yield f"  * guards of an order by hand: {_code(each.__name__ for each in ORDER_GUARDS)};"
    yield "  * `paused` (by its policy or by hand), `labels` (its labels hold a mistake) and"
    yield "    `ambiguous_policy` (several policies cover it): then nothing is decided."


def _code(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


_HEAD = (
    "# Metrics",
    "",
    "What `GET /metrics` shows, in Prometheus' text format.",
    "",
    "| name | kind | labels | meaning |",
    "|---|---|---|---|",
)
_FOOT = (
    "* `action` is `scale_up`, `scale_down`, `rollback`, `restart`, `replace`, `rebalance` or, for",
    "  a decision to leave things be, `none`.",
    "* `outcome` is `done`, `conflict` (somebody else wrote first), `failed` or `unknown`",
    "  (no answer came; settled by reading).",
    "* `outcome` of a watch is `passed`, `failed` or `inconclusive`.",
    "* `outcome` of a message is `sent` or, when all attempts failed, `failed`.",
    "* `where` names the part of the work that failed. At most 50 names are told apart; what is",
    "  beyond them counts as `other`.",
    "* `reason` is `token`, `claimed` (the node has an agent already), `full`, `silent`,",
    "  `version`, `oversize`, `malformed` or `unknown`.",
    "  For requests it is `none` (nothing was shown), `wrong`, `scope` (the token does not allow",
    "  it), `certificate` (none was shown) or `unconfigured` (there is no token to show).",
    "* `metric` is the name of a metric in the service's policy; at most 20 of a policy are shown.",
    "  `explain` says why one is not known.",
    "* A service's series end when the service is removed.",
    "* The usual `process_*` metrics (CPU, memory, open files) are shown as well.",
)


if __name__ == "__main__":
    sys.stdout.write(page(Metrics(lambda: 0.0).described))
