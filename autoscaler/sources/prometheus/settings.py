"""How Prometheus is reached; the same for every policy of the process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from autoscaler.durations import Duration
from autoscaler.strict import Strict

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


class Settings(Strict):
    """Where Prometheus is, how to log in, and how much of it is borne."""

    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=10, repr=False)] = (
        "http://127.0.0.1:9090",
    )
    """Base URLs of servers that know the same; the first that answers well is asked."""
    timeout: Annotated[Duration, Field(gt=0, le=120)] = 5.0
    """Bounds one read of all queries, with every server that is tried in it."""
    threads: Annotated[int, Field(ge=1, le=32)] = 4
    """Queries in flight at a time; further ones wait, within the same timeout."""
    username: str | None = None
    """For basic authentication, with `password_file`."""
    password_file: Path | None = None
    """Holds the password; read for each request, so it may be rotated."""
    bearer_token_file: Path | None = None
    """Holds a bearer token; read for each request, so it may be rotated."""
    ca_file: Path | None = None
    """Authorities that sign the server's certificate, instead of the system's."""
    cert_file: Path | None = None
    """Our own certificate, where the server asks for one."""
    key_file: Path | None = None
    """The key of `cert_file`."""
    insecure_skip_verify: bool = False
    """Accept any certificate: whoever answers can then make services grow and shrink."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """Further headers of each request, such as a tenant's name."""
    max_body: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 4 * 2**20
    """Bytes of an answer; a longer one is an error."""
    max_series: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Series of an answer; one with more is an error."""

    @field_validator("urls")
    @classmethod
    def _only_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for place, url in enumerate(urls, start=1):
            _check_url(url, place)
        return tuple(url.rstrip("/") for url in urls)

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"the header {name[:40]!r} is not printable ASCII on one line")
        return headers

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("`username` and `password_file` belong together")
        if self.username is not None and self.bearer_token_file is not None:
            raise ValueError("either `username` or `bearer_token_file`, not both")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("`key_file` needs `cert_file`")
        return self


def _check_url(url: str, place: int) -> None:
    """Raises ValueError that does not repeat the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        well_formed = bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError(f"URL {place} is not of the form http(s)://host[:port][/path]")
