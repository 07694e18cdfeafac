"""What a cluster consists of, and how the API shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoscaler.testing.engine.updater import Updater

Document = dict[str, Any]

RUNNING, SHUTDOWN, READY, REMOVE = "running", "shutdown", "ready", "remove"
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "orphaned"})
UNPLACED = frozenset({"new", "pending"})


@lru_cache(maxsize=8192)  # an object is shown far more often than it changes
def stamp(nanoseconds: int) -> str:
    """A time as the API writes it."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


@dataclass
class Meta:
    """What every object has."""

    id: str
    index: int = 0
    created: int = 0
    updated: int = 0

    def head(self) -> Document:
        """The fields that every object begins with."""
        return {
            "ID": self.id,
            "Version": {"Index": self.index},
            "CreatedAt": stamp(self.created),
            "UpdatedAt": stamp(self.updated),
        }


@dataclass
class EngineService(Meta):
    """A service: what it shall be, what it was before, and how its rollout goes."""

    spec: Document = field(default_factory=dict)
    previous: Document | None = None
    update: Document | None = None
    iteration: int = 0
    spec_version: int = 0
    """Moves with each write of the spec, and not with those of the status."""
    previous_version: int = 0
    updater: Updater | None = None
    reconciled: int = 0
    """The version for which tasks were last made and removed."""
    _task_spec: tuple[Document, Document] | None = None

    @property
    def name(self) -> str:
        return str(self.spec["Name"])

    @property
    def template(self) -> Document:
        found: Document = self.spec["TaskTemplate"]
        return found

    @property
    def task_spec(self) -> Document:
        """The template as its tasks carry it; one object for as long as the spec is the same."""
        if self._task_spec is None or self._task_spec[0] is not self.spec:
            kept = {key: value for key, value in self.template.items() if key != "Runtime"}
            self._task_spec = (self.spec, kept)
        return self._task_spec[1]

    @property
    def mode(self) -> str:
        """Replicated, Global, ReplicatedJob or GlobalJob."""
        return str(next(iter(self.spec["Mode"])))

    @property
    def replicas(self) -> int:
        """Tasks that shall run at a time; 0 for modes that count nodes."""
        stated = self.spec["Mode"][self.mode]
        count = stated.get("Replicas" if self.mode == "Replicated" else "TotalCompletions", 0)
        return int(count)

    @property
    def rollout(self) -> str:
        """The state of the update; empty when there is none."""
        return str((self.update or {}).get("State", ""))

    def document(self) -> Document:
        """As `GET /services/{id}` shows it."""
        shown = {**self.head(), "Spec": self.spec, "Endpoint": {"Spec": {}}}
        if self.previous is not None:
            shown["PreviousSpec"] = self.previous
        if self.update is not None:
            shown["UpdateStatus"] = self.update
        if self.mode.endswith("Job"):
            iteration = {"Index": self.iteration} if self.iteration else {}
            shown["JobStatus"] = {"JobIteration": iteration, "LastExecution": stamp(self.created)}
        return shown


@dataclass
class EngineTask(Meta):
    """A slot's attempt to run a container."""

    service_id: str = ""
    service_name: str = ""
    slot: int = 0
    spec: Document = field(default_factory=dict)
    node_id: str = ""
    state: str = "new"
    desired: str = RUNNING
    since: int = 0
    message: str = "created"
    error: str = ""
    exit_code: int = 0
    container: str = ""
    spec_version: int = 0
    """The service's when the task was made."""
    not_before: int = 0
    """When a replacement may start, in nanoseconds: the restart delay."""
    after: str = ""
    """The task that has to stop before this one starts."""
    ends: str = ""
    """What its container will do by itself; empty if it runs until it is stopped."""
    stopping: bool = False
    """Its container was told to stop."""
    move_at: int = 0
    """When its container will have come to its next state, in nanoseconds."""
    iteration: int = 0

    @property
    def wanted(self) -> bool:
        """Whether the task shall run now or after its restart delay, and can."""
        return self.desired in (RUNNING, READY) and self.state not in ENDED

    @property
    def alive(self) -> bool:
        """Wanted, or a job's that has not ended."""
        return self.wanted or (self.desired == "complete" and self.state not in ENDED)

    @property
    def place(self) -> int | str:
        """What it is a task for: a slot, or a node."""
        return self.slot or self.node_id

    @property
    def name(self) -> str:
        return f"{self.service_name}.{self.place}.{self.id}"

    def document(self) -> Document:
        """As `GET /tasks` shows it."""
        shown = {**self.head(), "Labels": {}, "Spec": self.spec, "ServiceID": self.service_id}
        if self.slot:
            shown["Slot"] = self.slot
        if self.node_id:
            shown["NodeID"] = self.node_id
        return {**shown, "Status": self._status(), "DesiredState": self.desired}

    def _status(self) -> Document:
        status: Document = {
            "Timestamp": stamp(self.since),
            "State": self.state,
            "Message": self.message,
        }
        if self.error:
            status["Err"] = self.error
        if self.container:
            ids = {"ContainerID": self.container, "PID": 0, "ExitCode": self.exit_code}
            status["ContainerStatus"] = ids
        return {**status, "PortStatus": {}}


@dataclass
class EngineNode(Meta):
    """A member of the Swarm."""

    hostname: str = ""
    state: str = "ready"
    availability: str = "active"
    role: str = "worker"
    labels: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Its heartbeats do not reach the leader."""
    judged_at: int = 0
    """When it is known whether it is still there, in nanoseconds; 0 if nobody waits for that."""
    down_at: int = 0
    nano_cpus: int = 2_000_000_000
    memory: int = 8 * 2**30

    def document(self) -> Document:
        """As `GET /nodes` shows it."""
        spec = {"Labels": self.labels, "Role": self.role, "Availability": self.availability}
        described = {
            "Hostname": self.hostname,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": self.nano_cpus, "MemoryBytes": self.memory},
            "Engine": {"EngineVersion": "20.10.24"},
        }
        status = {"State": self.state, "Addr": "127.0.0.1"}
        return {**self.head(), "Spec": spec, "Description": described, "Status": status}


@dataclass
class EngineConfig(Meta):
    """Data that tasks, or clients, may read; they never change."""

    name: str = ""
    data: str = ""
    """In base 64."""
    labels: dict[str, str] = field(default_factory=dict)

    def document(self) -> Document:
        """As `GET /configs` shows it."""
        spec = {"Name": self.name, "Labels": self.labels, "Data": self.data}
        return {**self.head(), "Spec": spec}


@dataclass
class EngineNetwork:
    """An overlay network."""

    id: str
    name: str
    subnet: str

    def document(self) -> Document:
        """As `GET /networks` shows it."""
        pool = {"Subnet": self.subnet}
        return {
            "Name": self.name,
            "Id": self.id,
            "Scope": "swarm",
            "Driver": "overlay",
            "IPAM": {"Driver": "default", "Options": None, "Config": [pool]},
        }
