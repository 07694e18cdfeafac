"""Alerts as somebody else raises them, and what becomes of one that is told again.

An alert is told at least once, by several tellers, in any order: `taken` makes one state of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

KEPT = 86_400.0
"""Seconds for which an alert stands that is not told again, unless settings say otherwise."""
MOST_ALERTS = 100_000
"""Alerts that a store knows at a time; further ones are ignored until some have expired."""
ENDED = "it was told that this firing has ended"
"""Why one is ignored that may be late, or may be right."""
LATE = 600.0
"""Seconds after its end in which a firing may still be on its way: Alertmanager tries for as long
as its `group_interval` (5 minutes unless stated), and each further peer begins 15 s later."""
_AHEAD = 3600.0
"""Seconds that the clock of who raises alerts may be ahead of ours."""


class AlertStatus(StrEnum):
    """Whether an alert fires."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Receipt(StrEnum):
    """What became of an alert that was told."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, as it was told last. Its labels are data of others: never an address or code."""

    fingerprint: str
    """Stands for its labels."""
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: float
    """Since when it fires, or fired, by the clock of who raised it."""
    ends_at: float | None = None
    """When it ended, or will unless it is told again; None where that was not said."""
    received_at: float
    """When it was told last."""
    since: float | None = None
    """Where it was told before with an earlier start and without an end between: that start."""

    @property
    def firing(self) -> bool:
        """Whether it was firing when it was told."""
        return self.status is AlertStatus.FIRING

    @property
    def identity(self) -> str:
        """The same for as long as it fires without a break, whoever tells it and restarts."""
        return f"{self.fingerprint}@{self.starts_at if self.since is None else self.since}"

    @property
    def ended_at(self) -> float:
        """When it ended, of one that is resolved."""
        return self.received_at if self.ends_at is None else min(self.ends_at, self.received_at)

    def expired(self, now: float, kept: float = KEPT) -> bool:
        """Whether it is too long ago that it was told."""
        over = self.firing and self.ends_at is not None and now >= self.ends_at
        return over or now - self.received_at > kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What became of an alert that was told."""

    fingerprint: str
    receipt: Receipt
    reason: str = ""
    alert: Alert | None = None
    """The alert as it stands now; None where nothing of it is kept."""


def taken(known: Alert | None, told: Alert, kept: float = KEPT, late: float = LATE) -> Reception:
    """What becomes of an alert that is told, given what is known of it. Pure.

    `late` are the seconds after its end in which a firing counts for late. Told twice is told
    once. What is older than what is known changes nothing: a peer that is late may tell of a firing
    after another has told of its end.
    """
    if told.starts_at > told.received_at + _AHEAD:
        return _ignored(known, told, "it starts in the future")
    if known is None or known.expired(told.received_at, kept):
        return _accepted(told)
    if told.firing:
        return _still_firing(known, told) if known.firing else _fires_again(known, told, late)
    return _ended(known, told) if known.firing else _ended_before(known, told)


def all_taken(
    known: Mapping[str, Alert],
    told: Sequence[Alert],
    room: int,
    kept: float = KEPT,
    late: float = LATE,
) -> tuple[list[Reception], list[Alert]]:
    """What becomes of alerts that are told, in order; and those to be stored. Pure.

    `known` are those of their fingerprints that are known, `room` how many new ones are taken.
    """
    stands, answers = dict(known), []
    for alert in told:
        if alert.fingerprint not in stands and len(stands) - len(known) >= room:
            answers.append(_ignored(None, alert, f"{MOST_ALERTS} alerts are known already"))
            continue
        answer = taken(stands.get(alert.fingerprint), alert, kept, late)
        if answer.alert is not None:
            stands[alert.fingerprint] = answer.alert
        answers.append(answer)
    return answers, [alert for key, alert in stands.items() if known.get(key) is not alert]


def _still_firing(known: Alert, told: Alert) -> Reception:
    """One that fires on is the same, even where a restart has moved its start."""
    start = known.starts_at if known.since is None else known.since
    latest = max(known.starts_at, told.starts_at)
    newer = told if told.received_at >= known.received_at else known
    stands = replace(newer, starts_at=latest, since=start if start < latest else None)
    if told.starts_at <= known.starts_at:
        return _reception(stands, Receipt.DUPLICATE)
    return _reception(stands, Receipt.ACCEPTED, "it goes on firing")


def _fires_again(known: Alert, told: Alert, late: float) -> Reception:
    """What fires on after an end, with the same start, only seemed to end.

    Alertmanager ends what its Prometheus does not tell for some minutes, and lets it fire on once
    it is told again.
    """
    if told.starts_at != known.starts_at and told.starts_at >= known.ended_at:
        return _accepted(told)
    if told.received_at - known.received_at < late:
        return _ignored(known, told, ENDED)
    reason = "it goes on firing: it only seemed to end"
    return replace(_still_firing(known, told), receipt=Receipt.ACCEPTED, reason=reason)


def _ended(known: Alert, told: Alert) -> Reception:
    if told.ended_at < known.starts_at and told.starts_at != known.starts_at:
        return _ignored(known, told, "it is the end of an earlier firing")
    return _accepted(replace(told, since=known.since))


def _ended_before(known: Alert, told: Alert) -> Reception:
    if told.starts_at == known.starts_at:
        return _reception(known, Receipt.DUPLICATE)
    if told.ended_at <= known.ended_at:
        return _ignored(known, told, "a later end of it is known")
    return _accepted(told)


def _accepted(alert: Alert) -> Reception:
    return _reception(alert, Receipt.ACCEPTED)


def _ignored(known: Alert | None, told: Alert, reason: str) -> Reception:
    return Reception(
        fingerprint=told.fingerprint, receipt=Receipt.IGNORED, reason=reason, alert=known
    )


def _reception(stands: Alert, receipt: Receipt, reason: str = "") -> Reception:
    return Reception(fingerprint=stands.fingerprint, receipt=receipt, reason=reason, alert=stands)
