"""`webhook`: each message as JSON, posted to an address of yours.

notifiers:
  ours:
    type: webhook
    url: https://hooks.example/autoscaler
    bearer_token_file: /run/secrets/hook_token

The body is `{"version": 1, "title", "text", "dropped", "repeated", "events": [...]}`; an event
has `at` (Unix seconds), `kind`, `severity`, `span`, `service`, `policy`, `about`, `text`,
`action`, `outcome`, `decided_at` and `link`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from autoscaler.errors import Permanent
from autoscaler.model import Happening, Message
from autoscaler.notifiers.web import Poster, check_url, read_secret, trusted
from autoscaler.ports import Pace

VERSION = 1


class WebhookSettings(Pace):
    """Where messages are posted."""

    url: Annotated[str | None, Field(max_length=2000, repr=False)] = None
    """The address; one that is itself a secret belongs into `url_file`."""
    url_file: Path | None = None
    """File with the address; read for each message, so it may be changed."""
    bearer_token_file: Path | None = None
    """File with a bearer token; read for each message, so it may be rotated."""

    ca_file: Path | None = None
    """PEM file with the authority of the certificate, if it is none of the system's; read at the
    first message."""

    def check_files(self) -> None:
        """Whether the address and the token can be used."""
        if self.url_file is not None:
            self.address()
        if self.bearer_token_file is not None:
            read_secret(self.bearer_token_file)
        trusted(self.ca_file)

    def address(self) -> str:
        """Where to post to. Raises Permanent."""
        if self.url_file is None:
            return self.url or ""
        url = read_secret(self.url_file)
        try:
            return check_url(url)
        except ValueError as error:
            raise Permanent(f"{self.url_file}: {error}") from None

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        return url if url is None else check_url(url)

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("state either url or url_file")
        return self


class WebhookNotifier:
    """Posts each message as JSON."""

    Settings: ClassVar[type[BaseModel]] = WebhookSettings

    def __init__(self, settings: WebhookSettings) -> None:
        self.pace: Pace = settings
        self._settings = settings
        self._poster = Poster(settings.ca_file)

    async def send(self, message: Message) -> None:
        """Post one message."""
        url, headers = await asyncio.to_thread(self._where)
        await self._poster.post(url, body(message), headers)

    def _where(self) -> tuple[str, dict[str, str]]:
        settings, url = self._settings, self._settings.address()
        if settings.bearer_token_file is None:
            return url, {}
        return url, {"Authorization": f"Bearer {read_secret(settings.bearer_token_file)}"}

    async def close(self) -> None:
        """Give back the connections."""
        await self._poster.close()


def body(message: Message) -> dict[str, Any]:
    """A message as a document."""
    return {
        "version": VERSION,
        "title": message.title,
        "text": message.text,
        "dropped": message.dropped,
        "repeated": message.repeated,
        "events": [event(each, message.link(each)) for each in message.happenings],
    }


def event(happening: Happening, link: str) -> dict[str, Any]:
    """A happening as a document."""
    return {
        "at": happening.at,
        "kind": happening.kind.value,
        "severity": happening.severity.value,
        "span": happening.span.value,
        "service": happening.service,
        "policy": happening.policy,
        "about": happening.about,
        "text": happening.text,
        "action": happening.action,
        "outcome": happening.outcome,
        "decided_at": happening.decided_at,
        "link": link,
    }
