"""What can be set, with defaults and ranges."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from autoscaler.addresses import DEFAULT_LISTEN, Address, split_address
from autoscaler.durations import Duration
from autoscaler.policy.notify import Notify, no_such
from autoscaler.settings.api import Api, Client
from autoscaler.strict import Strict

SYSTEM_STATE = Path("/var/lib/autoscaler")


def default_store() -> str:
    """`/var/lib/autoscaler` where it may be written, else the user's own state directory."""
    if os.access(SYSTEM_STATE, os.W_OK):
        return str(SYSTEM_STATE / "autoscaler.db")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return str(Path(home) / "autoscaler" / "autoscaler.db")


def _checked_address(value: Any) -> Any:
    if isinstance(value, str):
        split_address(value)
    return value


def _words(value: Any) -> Any:
    """From the environment a list is one text: `policies,more`."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _typed(value: Any) -> Any:
    """A plugin may be named alone, and its options without its name."""
    if isinstance(value, str):
        return {"type": value}
    return {"type": "swarm", **value} if isinstance(value, Mapping) else value


def _without_nothing(value: Any) -> Any:
    """`prometheus:` without options is a source with its defaults."""
    if isinstance(value, Mapping):
        return {key: {} if inner is None else inner for key, inner in value.items()}
    return value


Options = dict[str, Any]


class Brake(Strict):
    """What all services together may lose; guards against data that are fresh but wrong."""

    percent: Annotated[float, Field(gt=0, le=100)] = 10.0
    """Share of all replicas that may be removed within `period`, in percent."""
    at_least: Annotated[int, Field(ge=0)] = 10
    """So many replicas may be removed within `period` in any case, in small fleets too."""
    period: Annotated[Duration, Field(gt=0, le=86_400)] = 300.0
    """The time over which removed replicas are counted."""
    max_total_replicas: Annotated[int, Field(ge=1)] | None = None
    """The most replicas that all services together may have; no limit unless stated."""


class Log(Strict):
    """What is written to standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    """`console` for people, `json` for machines; `auto` looks whether a person is there."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""


class History(Strict):
    """How much of the past is kept. Never dropped: what is remembered, what is not settled, and
    the newest decision of each service."""

    max_age: Annotated[Duration, Field(ge=3600, le=10 * 365 * 86_400)] = 14 * 86_400.0
    """Decisions that are older than the newest by so much are dropped."""
    max_bytes: Annotated[int, Field(ge=1_000_000)] = 256 * 1024 * 1024
    """Above so many bytes the oldest decisions are dropped first: of a SQLite file its part in
    use, in PostgreSQL the decisions without indexes."""


Deadline = Annotated[Duration, Field(gt=0, le=300)]


class Deadlines(Strict):
    """How long the process waits for others."""

    observe: Deadline = 25.0
    """One observation of the whole cluster must have ended by then."""
    read: Deadline = 10.0
    """A source must have answered by then; what it has not answered is not known."""
    act: Deadline = 25.0
    """One change must have been answered by then; later its outcome is settled by reading."""


class Agents(Strict):
    """The agents on the nodes, as the controller sees them."""

    token_file: Path = Path("/run/secrets/autoscaler_agent_token")
    """The secret that agents must show: one token a line, of 16 characters or more. An agent
    shows the first. Without the file the controller takes no agents from elsewhere."""
    here: bool = True
    """Whether the controller is itself the agent of the node whose engine it is given, for as
    long as that node has no other."""
    silent_after: Annotated[Duration, Field(ge=10, le=300)] = 15.0
    """An agent that says nothing for so long is gone."""


class Agent(Strict):
    """The process `autoscaler agent`."""

    host: str | None = None
    """The engine of the node; DOCKER_HOST or the local socket unless stated."""
    tls_ca: Path | None = None
    """PEM file with the authority that signed the engine's certificate."""
    tls_cert: Path | None = None
    """PEM file with our certificate for the engine."""
    tls_key: Path | None = None
    """PEM file with that certificate's key."""
    controller_ca: Path | None = None
    """PEM file with the authority that signed the controller's certificate, for `https://`."""
    statistics_every: Annotated[Duration, Field(ge=1, le=60)] = 2.0
    """The time between two reports of CPU and memory."""
    containers: Annotated[int, Field(ge=1, le=1000)] = 500
    """The most containers that are measured."""
    services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ("*",)
    """Names of services, with `*` and `?`, that may be changed, and whose containers may be
    stopped, on request."""
    stops: Annotated[int, Field(ge=0, le=600)] = 6
    """The most containers that are stopped within a minute; 0: none ever."""
    gate: bool = False
    """Whether a controller that shows the gate's token may read the Swarm through this agent, which
    must be a manager's, and change services there."""
    gate_token_file: Path = Path("/run/secrets/autoscaler_gate_token")
    """The secret that a controller must show at the gate: one token a line, of 16 characters or
    more, read anew at each request. Not that of `agents.token_file`, which is on every node."""
    writes: Annotated[int, Field(ge=0, le=100_000)] = 600
    """The most changes within a minute that are let through the gate."""
    max_replicas: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """The most replicas of a service that are let through the gate."""


class Settings(Strict):
    """The settings of one process."""

    interval: Annotated[Duration, Field(ge=1, le=3600)] = 15.0
    """The time between two passes over all services."""
    policies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ("policies",)
    """Files and directories with policies; in the environment separated by commas."""
    policies_in_cluster: bool = True
    """Whether policies are read from the cluster too: in a Swarm from the configs that bear the
    label `autoscaler.policy=true`."""
    store: Annotated[str, Field(min_length=1, repr=False)] = Field(default_factory=default_store)
    """What must survive a restart: a SQLite file, or `postgresql://user@host:port/database`
    ([which](store.md)). By default `/var/lib/autoscaler/autoscaler.db` where that directory is
    writable, as in the image, and otherwise `autoscaler/autoscaler.db` in `$XDG_STATE_HOME` or
    `~/.local/state`."""
    store_password_file: Path = Path("/run/secrets/autoscaler_store_password")
    """The password for PostgreSQL, read at each login; where the file is there, it stands above a
    password in `store`."""
    history: History = History()
    """How much of the past is kept."""
    orchestrator: Annotated[Options, BeforeValidator(_typed)] = Field(
        default_factory=lambda: {"type": "swarm"}
    )
    """The cluster: `type`, a plugin's name, beside that plugin's own settings; `swarm` unless
    stated."""
    sources: Annotated[dict[str, Options], BeforeValidator(_without_nothing)] = Field(
        default_factory=lambda: {"prometheus": Options()}
    )
    """Sources by the name that policies use: `type`, a plugin (by default of that same name),
    beside the plugin's own settings. One source `prometheus` unless any is stated."""
    notifiers: Annotated[dict[str, Options], BeforeValidator(_without_nothing)] = Field(
        default_factory=dict
    )
    """Who can be told of what happens, by the name that `notify` uses: `type`, a plugin (by
    default of that same name), beside the plugin's own settings."""
    notify: tuple[Notify, ...] = ()
    """Who hears of what concerns no single policy, and of what concerns one that has no `notify`
    of its own."""
    public_url: Annotated[str, Field(pattern=r"^(http|https)://[^/?#@]+[^?#]*$")] | None = None
    """Where people reach this process: `https://autoscaler.example`. With it, what is told bears
    links to the decisions behind it."""
    brake: Brake = Brake()
    """The brake on the whole fleet."""
    listen: Annotated[str, BeforeValidator(_checked_address)] = DEFAULT_LISTEN
    """Where `/api`, `/metrics`, `/healthz` and `/readyz` are served: host and port."""
    api: Api = Api()
    """Who may ask there, and for what."""
    client: Client = Client()
    """How commands reach a running controller."""
    controller: Annotated[str, Field(pattern=r"^(http|https)://[^/]+")] | None = None
    """Where an agent finds the controller: `http://autoscaler:9095`. Without it an agent only
    serves metrics."""
    agents: Agents = Agents()
    """The agents on the nodes, as the controller sees them."""
    agent: Agent = Agent()
    """The process `autoscaler agent`."""
    log: Log = Log()
    """What is logged, and how."""
    act_concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """The most services that are changed at the same time."""
    deadlines: Deadlines = Deadlines()
    """How long the process waits for others."""

    @field_validator("notify")
    @classmethod
    def _tells_known_ones(cls, notify: tuple[Notify, ...], info: ValidationInfo) -> Any:
        known = info.data.get("notifiers", {})
        unknown = [each.to for each in notify if each.to not in known]
        if unknown and "notifiers" in info.data:
            raise ValueError(no_such(unknown[0], known))
        return notify

    @property
    def policy_paths(self) -> tuple[str, ...]:
        """`policies`; nothing where the default is not there: labels may be all there is."""
        stated = self.policies != type(self).model_fields["policies"].default
        return self.policies if stated or Path(self.policies[0]).exists() else ()

    @property
    def address(self) -> Address:
        """`listen`, taken apart."""
        return split_address(self.listen)

    @property
    def source_plugins(self) -> dict[str, str]:
        """The plugin behind each source's name."""
        return {name: str(options.get("type", name)) for name, options in self.sources.items()}
