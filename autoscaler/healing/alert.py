"""`alert`: somebody else has found something wrong, and says so by an alert that fires.

Unless a query is stated, Prometheus is asked for the alerts of its own rules that fire with
the labels of `match`. `$service` in a label's value stands for the service's name: without it
an alert is about every service of the policy. With `source: alertmanager` it is an alert that an
Alertmanager has told.

One alert is treated once, however long it fires: what has not helped will not help again, and
the next cure is for a person to find. `repeat: true` says otherwise.

heal:
  - rule: alert
    match: {alertname: WebLatencyHigh, service: $service}
    for: 1m
    then: restart
    cooldown: 30m

heal:
  - rule: alert
    source: alertmanager
    match: {alertname: WebStuck}
    service_label: service
    then: restart
    repeat: true
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.model import Act, Finding, Health, Sample
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

UNNAMED = ""
MOST_REMEMBERED = 200
"""Alerts that are known by name; more than a sample names."""
TREATED = "the service was healed, or released anew, since this alert fires; see `repeat`"

Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]


class Alert(Strict):
    """Find an alert that fires: any answer above zero."""

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.RESTART, Act.NOTIFY})
    fills: ClassVar[frozenset[str]] = frozenset({"query", "match"})

    match: Annotated[Mapping[Label, str], Field(min_length=1, max_length=30)]
    """Labels that the alert has, with their exact values; it may have others."""
    repeat: bool = False
    """Whether one that goes on firing is treated again, after the entry's `cooldown`; unless
    stated, once, until another fires or this one anew."""

    def question(self) -> Mapping[str, Any]:
        """Prometheus tells alerts as series; that none fires is known, not missing."""
        labels = {"alertstate": "firing", **self.match}
        # JSON's escapes are among those of PromQL.
        wanted = ",".join(
            f"{key}={json.dumps(text, ensure_ascii=False)}" for key, text in labels.items()
        )
        return {
            "query": f"ALERTS{{{wanted}}}",
            "reduce": "max",
            "on_empty": "zero",
            "alert": self.match,
        }

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remembers since when each alert is known, so that each is treated once."""
        known = _readable(memory)
        if checkup.sample is None:
            return known or None, None
        seen = _seen(known, checkup.sample, checkup.observation.now)
        if checkup.sample.total <= 0:
            return seen or None, None
        firing = checkup.sample.alerts or (UNNAMED,)
        untreated = any(seen.get(name, 0.0) > checkup.since for name in firing)
        named = ", ".join(f"{key}={text}" for key, text in self.match.items())
        reason = f"an alert fires: {named}".replace("$service", checkup.observation.service.name)
        return seen, Finding(
            state=Health.DEGRADED,
            reason=reason,
            treated="" if untreated or self.repeat else TREATED,
        )


def _readable(memory: Any) -> dict[str, float]:
    known = memory if isinstance(memory, dict) else {}
    return {key: at for key, at in known.items() if isinstance(at, float)}


def _seen(known: dict[str, float], sample: Sample, now: float) -> dict[str, float]:
    """Since when alerts are known, by name; those that no longer fire are not forgotten at once.

    Where alerts have no names, it is one for as long as any fires.
    """
    seen = dict(known)
    if sample.alerts or sample.total <= 0:
        seen.pop(UNNAMED, None)
    firing = sample.alerts or ((UNNAMED,) if sample.total > 0 else ())
    seen |= {name: now for name in firing if name not in seen}
    latest = sorted(seen, key=lambda name: (name in firing, seen[name]))[-MOST_REMEMBERED:]
    return {name: seen[name] for name in sorted(latest)}
