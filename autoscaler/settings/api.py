"""Who may ask over HTTP, and for what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_settings import NoDecode

from autoscaler.strict import Strict


class Scope(StrEnum):
    """What a caller may do."""

    READ = "read"
    """See how services stand, what was decided, and why."""
    OPERATE = "operate"
    """Give orders too: pause, scale, restart, roll back; includes `read`."""
    ALERTS = "alerts"
    """Deliver alerts, and nothing else."""


def _listed(value: Any) -> Any:
    """From the environment a list is one text: `operate,alerts`; a single one may stand alone."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]


class Bearer(Strict):
    """A token that lets in whoever shows it as `Authorization: Bearer`."""

    file: Path
    """The token: 16 characters or more. Each line of the file is one, up to 8, and any of them is
    taken, so that they can be rotated; a change is seen within a second."""
    scopes: Annotated[
        tuple[Scope, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1)
    ] = (Scope.READ,)
    """What it allows: `read`, `operate` (which includes `read`), `alerts`."""


class Basic(Strict):
    """User and password, for an Alertmanager that shows these; they allow `alerts`."""

    user: Annotated[str, StringConstraints(pattern=r"^[!-9;-~]{1,64}$")] = "alertmanager"
    """The user's name."""
    password_file: Path
    """The password: 16 characters or more; several lines as in a token's file."""


class Api(Strict):
    """Who may ask over HTTP, and for what."""

    tokens: dict[Name, Bearer] = Field(default_factory=dict)
    """Tokens by the name under which what their holders do is recorded. Without any, and without
    `basic`, requests to `/api` are only answered where `listen` is a loopback address, and only
    those that read; with any, `/metrics` and `/agents` need one with `read` too."""
    basic: Basic | None = None
    """User and password for an Alertmanager."""
    tls_cert: Path | None = None
    """PEM file with the certificate for HTTPS, and those that lead to its authority. Then
    everything is served by HTTPS alone."""
    tls_key: Path | None = None
    """PEM file with that certificate's key."""
    client_ca: Path | None = None
    """PEM file with the authority of client certificates. Then requests need one beside their
    token, all but those to `/healthz` and `/readyz` and the agents' stream."""

    @property
    def configured(self) -> bool:
        """Whether anybody can be let in by what they show."""
        return bool(self.tokens) or self.basic is not None

    @model_validator(mode="after")
    def _whole(self) -> Api:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: state both or none")
        if self.client_ca is not None and self.tls_cert is None:
            raise ValueError("client_ca needs tls_cert and tls_key: certificates are TLS's")
        return self


Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$")]


class Client(Strict):
    """How commands reach a running controller, instead of reading its store."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$")] | None = (
        None
    )
    """Where it is: `http://autoscaler:9095`. Without it commands use the store."""
    token_file: Path | None = None
    """The token to show: the file's first line."""
    ca: Path | None = None
    """PEM file with the authority of its certificate, if it is none of the system's."""
    tls_cert: Path | None = None
    """PEM file with a certificate of our own, where it wants one."""
    tls_key: Path | None = None
    """PEM file with that certificate's key."""
