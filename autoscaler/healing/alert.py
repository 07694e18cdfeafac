"""`alert`: somebody else has found something wrong, and says so by an alert that fires.

Unless a query is stated, Prometheus is asked for the alerts of its own rules that fire with
the labels of `match`. `$service` in a label's value stands for the service's name: without it
an alert is about every service of the policy.

heal:
  - rule: alert
    match: {alertname: WebLatencyHigh, service: $service}
    for: 1m
    then: restart
    cooldown: 30m
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.model import Act, Finding, Health
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]


class Alert(Strict):
    """Find an alert that fires: any answer above zero."""

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.RESTART, Act.NOTIFY})
    fills: ClassVar[frozenset[str]] = frozenset({"query"})

    match: Annotated[Mapping[Label, str], Field(min_length=1, max_length=30)]
    """Labels that the alert has, with their exact values; it may have others."""

    def question(self) -> Mapping[str, Any]:
        """Prometheus tells alerts as series; that none fires is known, not missing."""
        labels = {"alertstate": "firing", **self.match}
        # JSON's escapes are among those of PromQL.
        wanted = ",".join(
            f"{key}={json.dumps(text, ensure_ascii=False)}" for key, text in labels.items()
        )
        return {"query": f"ALERTS{{{wanted}}}", "reduce": "max", "on_empty": "zero"}

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered."""
        if checkup.sample is None or checkup.sample.total <= 0:
            return None, None
        named = ", ".join(f"{key}={text}" for key, text in self.match.items())
        reason = f"an alert fires: {named}".replace("$service", checkup.observation.service.name)
        return None, Finding(state=Health.DEGRADED, reason=reason)
