"""How to reach a Swarm manager, and how hard to ask it."""

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


class EventSettings(Strict):
    """How the event stream is kept alive."""

    silence: Annotated[Duration, Field(gt=0)] = 60.0
    """The time without a byte after which the stream is opened anew."""
    grace: Annotated[Duration, Field(gt=0)] = 2.0
    """How late the event of a change may be that was seen in a list."""
    overlap: Annotated[Duration, Field(ge=0)] = 5.0
    """How long before the last event a new stream begins to replay; doubles are dropped."""
    backoff: Annotated[Duration, Field(gt=0)] = 0.2
    """The wait before the second attempt to connect; doubled each time, with jitter."""
    backoff_max: Annotated[Duration, Field(gt=0)] = 15.0
    """The longest wait between two attempts."""
    remembered: int = Field(default=4096, ge=256)
    """Events that are remembered to drop doubles; the engine replays 256 at most."""


class ListSettings(Strict):
    """How many tasks are listed for one snapshot."""

    body_bytes: int = Field(default=1_000_000, ge=10_000)
    """Estimated size of one task list's body at most: a larger one stalls the event loop."""
    services: int = Field(default=150, ge=1)
    """Services in one request at most, so that its URL passes a proxy's limit of 8 KiB."""
    suspect_requests: int = Field(default=8, ge=1)
    """Task lists per snapshot at most while services look sick."""
    rotation_requests: int = Field(default=4, ge=1)
    """Task lists per snapshot at most otherwise."""
    ended: int = Field(default=50, ge=0)
    """Ended tasks kept per service, the newest."""
    retention: int = Field(default=5, ge=0)
    """Ended tasks per slot that the Swarm keeps (`docker swarm update --task-history-limit`)."""
    networks_for: Annotated[Duration, Field(ge=0)] = 60.0
    """How long a list of networks is good for."""
    nodes_for: Annotated[Duration, Field(ge=0)] = 5.0
    """How long a list of nodes is good for when one service is inspected."""


class SwarmSettings(Strict):
    """How to reach a Swarm manager."""

    host: str = Field(
        default_factory=_host, pattern=r"^(unix:///|tcp://|http://|https://|ssh://|npipe://).+"
    )
    """The engine's address; DOCKER_HOST or the local socket unless stated."""
    tls_ca: Path | None = None
    """PEM file with the authority that signed the engine's certificate."""
    tls_cert: Path | None = None
    """PEM file with our certificate."""
    tls_key: Path | None = None
    """PEM file with our certificate's key."""
    token_file: Path | None = None
    """File with the token that the engine's address wants to be shown: that of an agent with
    `agent.gate` (`http://agent:9095`)."""
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
    """The time that one call may take in all; half of it to connect."""
    events: EventSettings = EventSettings()
    """How the event stream is kept alive."""
    lists: ListSettings = ListSettings()
    """How many tasks are listed for one snapshot."""

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
