"""What happens that somebody may want to hear of: people, Alertmanager, a page that is open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoscaler.model.act import Act


class HappeningKind(StrEnum):
    """What happened; the words that a policy's `notify:` chooses by."""

    SCALED = "scaled"
    """The number of replicas was changed."""
    HEALED = "healed"
    """A cure was done: a restart, one task replaced, tasks spread anew."""
    ROLLED_BACK = "rolled_back"
    """A release was taken back."""
    FAILED = "failed"
    """An action failed, or its outcome is not known."""
    HELD = "held"
    """Something is wanted, and a guard does not let it be done."""
    HEALTH = "health"
    """A service is sick."""
    QUARANTINED = "quarantined"
    """Healing has given up on a service."""
    HEALING_STOPPED = "healing_stopped"
    """Too much is sick at once, or a cure keeps failing: nothing of that kind is healed."""
    RELEASE = "release"
    """The watch over a release has ended."""
    NOTICE = "notice"
    """What a rule with `then: notify` has to tell."""
    METRICS = "metrics"
    """A metric of a policy is not known."""
    POLICIES = "policies"
    """Policies could not be loaded."""
    AGENTS = "agents"
    """A node has lost its agent."""
    ERRORS = "errors"
    """A part of the work fails."""


class Severity(StrEnum):
    """How much it matters, as Prometheus' alerts say it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The graver, the higher."""
        return list(Severity).index(self)


class Span(StrEnum):
    """Whether it is a moment, or the one or the other end of something that lasts."""

    MOMENT = "moment"
    BEGUN = "begun"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened. Holds no secrets: it is sent to others."""

    at: float
    kind: HappeningKind
    severity: Severity
    text: str
    """What happened and why, in a sentence or two."""
    span: Span = Span.MOMENT
    service: str = ""
    """Name of the service; empty where it is about all of them."""
    policy: str = ""
    about: str = ""
    """What of it: a metric, a state of health, a release, a guard, a node."""
    action: str = ""
    """What was done: `scale_up`, `scale_down`, or a cure."""
    outcome: str = ""
    """How that ended."""
    decided_at: float | None = None
    """The time of the decision behind it; None where there is none."""

    @property
    def key(self) -> tuple[HappeningKind, str, str]:
        """The same for both ends of something that lasts."""
        return self.kind, self.service, self.about


def direction(act: Act, change: int) -> str:
    """What an action is called where actions are counted or told of."""
    if act is not Act.SCALE:
        return act.value
    return "scale_up" if change > 0 else "scale_down"
