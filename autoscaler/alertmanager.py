"""How Alertmanager writes alerts: in its webhook, version 4, and in its own list of them.

What is not known here is passed over, since Alertmanager adds to it now and then. One alert
that cannot be used does not spoil the others. Times keep their microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from autoscaler.complaints import in_words
from autoscaler.errors import Invalid
from autoscaler.model import Alert, AlertStatus

VERSION = "4"
MOST_TOLD = 20_000
"""Alerts in one document at most."""
MOST_ANNOTATIONS = 8 * 1024
"""Characters of an alert's annotations; longer ones are left out, the alert is not."""

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Labels = Annotated[dict[_Name, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]
_Time = Annotated[str, Field(max_length=40)]
_Written = TypeVar("_Written", bound=BaseModel)


class Told(BaseModel):
    """An alert, in whichever document it stands."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, strict=True)

    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")]
    labels: _Labels
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: _Time = Field(alias="startsAt")
    ends_at: _Time | None = Field(default=None, alias="endsAt")

    def alert(self, status: AlertStatus, at: float) -> Alert:
        """The alert as of its reception. Raises ValueError for a time that is none."""
        size = sum(len(key) + len(text) for key, text in self.annotations.items())
        return Alert(
            fingerprint=self.fingerprint,
            status=status,
            labels=self.labels,
            annotations=self.annotations if size <= MOST_ANNOTATIONS else {},
            starts_at=_seconds(self.starts_at),
            ends_at=_end(self.ends_at),
            received_at=at,
        )


class Sent(Told):
    """An alert as the webhook writes it."""

    status: Literal["firing", "resolved"]


class Envelope(BaseModel):
    """What is around alerts in the webhook."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, strict=True)

    version: Literal["4"]
    alerts: Annotated[list[Any], Field(max_length=MOST_TOLD)]
    truncated: Annotated[int, Field(ge=0)] = Field(default=0, alias="truncatedAlerts")


class Document(Envelope):
    """A document all of whose alerts can be used; read are they one by one."""

    alerts: Annotated[list[Sent], Field(max_length=MOST_TOLD)]


@dataclass(frozen=True, slots=True)
class Unusable:
    """An alert that cannot be used, and why."""

    number: int
    """Its place in the document, from 0."""
    fingerprint: str
    """Empty where it has none."""
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one document tells."""

    alerts: tuple[Alert, ...]
    unusable: tuple[Unusable, ...] = ()
    truncated: int = 0
    """Alerts of the group that are not in the document: nothing is known of them."""


def read_webhook(body: bytes | bytearray, at: float) -> Delivery:
    """What the webhook tells, at a time. Raises Invalid for what is no such document."""
    envelope = _checked(Envelope, _json(body), "the document")
    alerts, unusable = [], []
    for number, written in enumerate(envelope.alerts):
        try:
            sent = _checked(Sent, written, f"alert {number}")
            alerts.append(sent.alert(AlertStatus(sent.status), at))
        except (Invalid, ValueError) as error:
            unusable.append(Unusable(number, _fingerprint(written), str(error)))
    if unusable and not alerts:
        raise Invalid(f"none of its alerts can be used: {unusable[0].reason}")
    return Delivery(tuple(alerts), tuple(unusable), envelope.truncated)


def read_list(body: bytes | bytearray, at: float) -> tuple[Alert, ...]:
    """The alerts of `GET /api/v2/alerts`, all of them firing. Raises Invalid.

    The end that the list states is only how long an alert lasts if Prometheus falls silent.
    """
    listed = _json(body)
    if not isinstance(listed, list) or len(listed) > MOST_TOLD:
        raise Invalid(f"not a list of at most {MOST_TOLD} alerts")
    told = (_checked(Told, written, f"alert {n}") for n, written in enumerate(listed))
    try:
        alerts = (each.model_copy(update={"ends_at": None}) for each in told)
        return tuple(each.alert(AlertStatus.FIRING, at) for each in alerts)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _json(body: bytes | bytearray) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Invalid(f"not JSON: {error}") from error


def _checked(kind: type[_Written], written: Any, what: str) -> _Written:
    try:
        return kind.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part)[:60] for part in first["loc"][:2])
        told = in_words(first, show=False)
        raise Invalid(f"{what}{': ' * bool(place)}{place}: {told}"[:300]) from error


def _fingerprint(written: Any) -> str:
    found = written.get("fingerprint") if isinstance(written, Mapping) else None
    return found[:64] if isinstance(found, str) else ""


def _seconds(text: str) -> float:
    """RFC 3339 as Unix seconds. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time such as 2024-02-29T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no time zone")
    return moment.timestamp()


def _end(text: str | None) -> float | None:
    """The zero time of Go means that an alert has not ended."""
    seconds = None if text is None else _seconds(text)
    return None if seconds is None or seconds <= 0 else seconds
