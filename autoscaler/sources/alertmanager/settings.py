"""Where Alertmanager is, and how long what it tells is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from autoscaler.durations import Duration
from autoscaler.model import KEPT
from autoscaler.strict import Strict


class Settings(Strict):
    """Who is asked at a start, and how long alerts stand."""

    urls: Annotated[tuple[str, ...], Field(max_length=10, repr=False)] = ()
    """Base URLs of Alertmanagers, all of them of one cluster: at a start they are asked what
    fires, and one that answers is enough. Without any, nothing is known until the first alert is
    told."""
    receiver: Annotated[str, Field(max_length=500)] = ""
    """The receiver, as a regular expression, whose alerts are asked for; unless stated, all."""
    timeout: Annotated[Duration, Field(gt=0, le=120)] = 5.0
    """Each of them must have answered by then."""
    username: str | None = None
    """For basic authentication, with `password_file`."""
    password_file: Path | None = None
    """Holds the password; read at each try, so it may be rotated."""
    bearer_token_file: Path | None = None
    """Holds a bearer token; read at each try, so it may be rotated."""
    ca_file: Path | None = None
    """Authorities that sign the certificates of the servers, instead of the system's."""
    keep: Annotated[Duration, Field(ge=60, le=30 * 86_400)] = KEPT
    """An alert that has not been told for so long does not stand any more. At least twice the
    `repeat_interval` of Alertmanager's route."""
    stale_after: Annotated[Duration, Field(ge=1, le=86_400)] = 600.0
    """After so long without a pass the alerts that fired before it are not gone by until they are
    told again, or Alertmanager has answered what fires."""
    max_body: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 32 * 2**20
    """Bytes of an answer; a longer one is an error."""

    @field_validator("urls")
    @classmethod
    def _only_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for place, url in enumerate(urls, start=1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"URL {place} is not of the form http(s)://host[:port][/path]")
            if parts.username or parts.query or parts.fragment:
                raise ValueError(f"URL {place} has more than a host, a port and a path")
        return tuple(url.rstrip("/") for url in urls)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("`username` and `password_file` belong together")
        if self.username is not None and self.bearer_token_file is not None:
            raise ValueError("either `username` or `bearer_token_file`, not both")
        return self
