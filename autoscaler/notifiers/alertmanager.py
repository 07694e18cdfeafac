"""`alertmanager`: what happens, as alerts that Alertmanager routes, groups and silences.

notifiers:
  alertmanager:
    urls: [http://alertmanager-1:9093, http://alertmanager-2:9093]
    labels: {cluster: prod}

Every server of a cluster gets every alert, as Prometheus does it. What lasts is told again
each `repeat`, and ends by itself when it is not; what is over is resolved; a moment is an
alert for `lasts`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from autoscaler.durations import Duration
from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Happening, Message, Span
from autoscaler.notifiers.web import Poster, check_url, read_secret, trusted
from autoscaler.ports import Pace

MISSED = 4
"""So many repetitions in a row may be lost before an alert ends by itself."""
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]
OWN = ("alertname", "severity", "service", "policy", "about", "action")


class AlertmanagerSettings(Pace):
    """Where Alertmanager is, and what its alerts bear."""

    group_wait: Annotated[Duration, Field(ge=0, le=3600)] = 1.0
    """How long a happening waits for others: Alertmanager groups by itself."""
    burst: Annotated[int, Field(ge=1, le=1000)] = 60
    """So many requests may be sent one after the other."""
    refill: Annotated[Duration, Field(gt=0, le=86_400)] = 1.0
    """The time after which one more may be sent."""
    repeat: Annotated[Duration, Field(ge=1, le=604_800)] | None = 60.0
    """The time after which it is told again what lasts. An alert that is not told again ends after
    four times as long."""
    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=10, repr=False)] = (
        "http://127.0.0.1:9093",
    )
    """Base URLs of the servers of one cluster."""
    labels: dict[LabelName, str] = Field(default_factory=dict)
    """Further labels of every alert, such as a cluster's name."""
    lasts: Annotated[Duration, Field(ge=1, le=86_400)] = 300.0
    """The time for which something that happened in a moment is an alert."""
    username: str | None = None
    """For basic authentication, with `password_file`."""
    password_file: Path | None = None
    """Holds the password; read for each message, so it may be rotated."""
    bearer_token_file: Path | None = None
    """Holds a bearer token; read for each message, so it may be rotated."""

    ca_file: Path | None = None
    """PEM file with the authority of the certificate, if it is none of the system's; read at the
    first message."""

    def check_files(self) -> None:
        """Whether the password and the token can be used."""
        for file in filter(None, (self.password_file, self.bearer_token_file)):
            read_secret(file)
        trusted(self.ca_file)

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_url(url).rstrip("/") for url in urls)

    @field_validator("labels")
    @classmethod
    def _leaves_ours(cls, labels: dict[str, str]) -> dict[str, str]:
        taken = sorted(labels.keys() & set(OWN))
        if taken:
            raise ValueError(f"the label {taken[0]!r} is set by the autoscaler")
        return labels

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("`username` and `password_file` belong together")
        if self.username is not None and self.bearer_token_file is not None:
            raise ValueError("either `username` or `bearer_token_file`, not both")
        return self


class AlertmanagerNotifier:
    """Raises an alert in Alertmanager for what happens, and resolves it."""

    Settings: ClassVar[type[BaseModel]] = AlertmanagerSettings

    def __init__(self, settings: AlertmanagerSettings) -> None:
        self.pace: Pace = settings
        self._settings = settings
        self._poster = Poster(settings.ca_file)

    async def send(self, message: Message) -> None:
        """Post the alerts to every server; one that takes them is enough."""
        headers = await asyncio.to_thread(self._login)
        body = list(alerts(message, self._settings))
        tried = await asyncio.gather(*(self._post(url, body, headers) for url in self._urls()))
        if all(tried):
            told = "; ".join(f"server {n}: {error}" for n, error in enumerate(tried, start=1))
            again = any(isinstance(error, Temporary) for error in tried)
            raise Temporary(told) if again else Permanent(told)

    def _urls(self) -> Sequence[str]:
        return [f"{url}/api/v2/alerts" for url in self._settings.urls]

    async def _post(self, url: str, body: Any, headers: dict[str, str]) -> AutoscalerError | None:
        try:
            async with asyncio.timeout(0.9 * self._settings.deadline):
                await self._poster.post(url, body, headers)
        except TimeoutError:
            return Temporary("no answer in time")
        except AutoscalerError as error:
            return error
        return None

    def _login(self) -> dict[str, str]:
        settings = self._settings
        if settings.bearer_token_file is not None:
            return {"Authorization": f"Bearer {read_secret(settings.bearer_token_file)}"}
        if settings.username is None or settings.password_file is None:
            return {}
        pair = f"{settings.username}:{read_secret(settings.password_file)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def close(self) -> None:
        """Give back the connections."""
        await self._poster.close()


def alerts(message: Message, settings: AlertmanagerSettings) -> Iterator[dict[str, Any]]:
    """The alerts of a message; of several about the same only the last, as the server would."""
    last = {tuple(_labels(each, settings).items()): each for each in message.happenings}
    for labels, happening in last.items():
        yield {
            "labels": dict(labels),
            "annotations": {"summary": happening.text, **_link("decision", message, happening)},
            **_link("generatorURL", message, happening),
            **_times(happening, message.at, settings),
        }


def _link(key: str, message: Message, happening: Happening) -> dict[str, str]:
    link = message.link(happening)
    return {key: link} if link else {}


def _labels(happening: Happening, settings: AlertmanagerSettings) -> dict[str, str]:
    named = "".join(word.capitalize() for word in happening.kind.value.split("_"))
    found = {
        "alertname": f"Autoscaler{named}",
        "severity": happening.severity.value,
        "service": happening.service,
        "policy": happening.policy,
        "about": happening.about,
        "action": happening.action,
    }
    return {**{key: value for key, value in found.items() if value}, **settings.labels}


def _times(happening: Happening, now: float, settings: AlertmanagerSettings) -> dict[str, str]:
    if happening.span is Span.OVER:
        return {"endsAt": _written(happening.at)}
    begun = {"startsAt": _written(happening.at)}
    if happening.span is Span.MOMENT:
        return {**begun, "endsAt": _written(happening.at + settings.lasts)}
    if settings.repeat is None:
        return begun
    return {**begun, "endsAt": _written(now + MISSED * settings.repeat)}


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
