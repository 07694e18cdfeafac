"""How the local engine is reached, and how much may be asked of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.strict import Strict

DEFAULT_HOST = "unix:///var/run/docker.sock"


def _host() -> str:
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


class Settings(Strict):
    """Where the engine is whose containers are measured, and what that may cost."""

    host: Annotated[str, Field(pattern=r"^(unix:///|tcp://|http://|https://).+")] = Field(
        default_factory=_host
    )
    """The engine's address; DOCKER_HOST or the local socket unless stated."""
    tls_ca: Path | None = None
    """PEM file with the authority that signed the engine's certificate."""
    tls_cert: Path | None = None
    """PEM file with our certificate."""
    tls_key: Path | None = None
    """PEM file with our certificate's key."""
    timeout: Annotated[Duration, Field(gt=0, le=120)] = 5.0
    """Bounds one read of all queries, and each attempt to open a stream."""
    patience: Annotated[Duration, Field(ge=0, le=60)] = 3.0
    """How long the first read about a service waits for first values, within `timeout`."""
    list_every: Annotated[Duration, Field(ge=0, le=60)] = 5.0
    """The age from which on a read lists the containers anew."""
    streams: Annotated[int, Field(ge=1, le=10_000)] = 500
    """The most containers that are measured at a time; further ones have no value."""
    idle: Annotated[Duration, Field(ge=1, le=86_400)] = 120.0
    """The time without a question about its service after which a stream is closed."""
    backoff: Annotated[Duration, Field(gt=0, le=60)] = 0.5
    """The wait before a broken stream is opened anew; doubled each time, with jitter."""
    backoff_max: Annotated[Duration, Field(gt=0, le=600)] = 15.0
    """The longest wait between two attempts to open a stream."""
    silence: Annotated[Duration, Field(ge=1, le=300)] = 10.0
    """The time without a byte after which a stream is opened anew."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: state both or neither")
        if self.tls and not self.host.startswith(("tcp://", "https://")):
            raise ValueError("tls_ca, tls_cert and tls_key need a tcp:// or https:// host")
        return self

    @property
    def tls(self) -> bool:
        """Whether any TLS file is named."""
        return self.tls_ca is not None or self.tls_cert is not None
