"""What a Swarm is made of, as far as a decision looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

STACK_LABEL = "com.docker.stack.namespace"


class Mode(StrEnum):
    """How Swarm counts a service's tasks. Only `replicated` ones can be scaled."""

    REPLICATED = "replicated"
    GLOBAL = "global"
    REPLICATED_JOB = "replicated-job"
    GLOBAL_JOB = "global-job"


class Rollout(StrEnum):
    """Swarm's `UpdateStatus.State`; `NONE` when the engine reports no update."""

    NONE = "none"
    UPDATING = "updating"
    PAUSED = "paused"
    COMPLETED = "completed"
    ROLLBACK_STARTED = "rollback_started"
    ROLLBACK_PAUSED = "rollback_paused"
    ROLLBACK_COMPLETED = "rollback_completed"

    @property
    def settled(self) -> bool:
        """Whether a write now neither disturbs nor resumes a rollout."""
        return self in _SETTLED


_SETTLED = frozenset({Rollout.NONE, Rollout.COMPLETED, Rollout.ROLLBACK_COMPLETED})


class TaskState(StrEnum):
    """SwarmKit's task states, in the order in which a task passes through them."""

    NEW = "new"
    ALLOCATED = "allocated"
    PENDING = "pending"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETE = "complete"
    SHUTDOWN = "shutdown"
    FAILED = "failed"
    REJECTED = "rejected"
    REMOVE = "remove"
    ORPHANED = "orphaned"

    @property
    def ended(self) -> bool:
        """Whether the task will never run (again)."""
        return self in _ENDED


_ENDED = frozenset(
    {
        TaskState.COMPLETE,
        TaskState.SHUTDOWN,
        TaskState.FAILED,
        TaskState.REJECTED,
        TaskState.REMOVE,
        TaskState.ORPHANED,
    }
)
_RUNNING = TaskState.RUNNING
"""Asked for with each look at a task; in Python 3.11 a member of an enum is found by a call."""


class NodeState(StrEnum):
    """Swarm's view of a node. `UNKNOWN` follows a change of the managers' leader."""

    READY = "ready"
    DOWN = "down"
    UNKNOWN = "unknown"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """An amount of CPU and memory; 0 means "none stated"."""

    nano_cpus: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Swarm service as its spec and the engine's status describe it."""

    id: str
    name: str
    version: int
    mode: Mode = Mode.REPLICATED
    replicas: int | None = None
    """Replicas that the spec asks for; None unless the service is replicated."""
    running: int | None = None
    """Tasks in state running as the engine counts them, those on lost nodes included."""
    labels: Mapping[str, str] = field(default_factory=dict)
    container_labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    template: str = ""
    """Hash of the task template without `ForceUpdate`: the identity of a release."""
    rollout: Rollout = Rollout.NONE
    rollout_message: str = ""
    rollout_started: float = 0.0
    """When the rollout that `rollout` is about began; 0 when that is not known."""
    forced: int = 0
    """The template's `ForceUpdate` counter: one more restarts all tasks."""
    at_once: int = 1
    """Tasks that a rollout replaces at a time; 0: all."""
    start_first: bool = False
    """Whether a rollout starts a new task before it stops the old one."""
    restarts: str = "any"
    """When Swarm restarts a task: `any`, `on-failure` or `none`."""
    max_attempts: int = 0
    """So many restarts, and Swarm gives a slot up; 0: never."""
    reservations: Resources = Resources()
    limits: Resources = Resources()
    constraints: tuple[str, ...] = ()
    max_per_node: int = 0
    networks: tuple[str, ...] = ()
    """Ids of the networks that its tasks join."""
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def runs_once(self) -> bool:
        """Whether it is a job: any write would run it again."""
        return self.mode in (Mode.REPLICATED_JOB, Mode.GLOBAL_JOB)

    @property
    def stack(self) -> str | None:
        """The stack that the service was deployed with, if any."""
        return self.labels.get(STACK_LABEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a service: a slot's present or past attempt to run a container."""

    id: str
    service_id: str
    state: TaskState
    desired: TaskState
    slot: int = 0
    node_id: str = ""
    node_ready: bool = True
    """Whether the node is in state ready: a task on a lost node still says "running"."""
    since: float = 0.0
    """When the task entered its state."""
    created_at: float = 0.0
    error: str = ""
    exit_code: int | None = None
    oom: bool = False
    """Whether memory ran out in its container, as its node's agent says."""
    container_id: str = ""
    addresses: tuple[str, ...] = ()
    """Where other containers reach it, one for each network but the ingress; none if it ended."""

    @property
    def wanted(self) -> bool:
        """Whether Swarm still wants this task and it has not ended."""
        return self.desired is _RUNNING and self.state not in _ENDED

    @property
    def place(self) -> int | str:
        """What it is a task for: a slot, or a node."""
        return self.slot or self.node_id

    @property
    def alive(self) -> bool:
        """Wanted now, or after its restart delay."""
        return self.desired in (TaskState.RUNNING, TaskState.READY) and not self.state.ended

    @property
    def healthy(self) -> bool:
        """Desired running, state running, node ready."""
        return self.state is _RUNNING and self.desired is _RUNNING and self.node_ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A member of the Swarm, with what it can hold."""

    id: str
    hostname: str
    state: NodeState = NodeState.READY
    availability: str = "active"
    role: str = "worker"
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    os: str = "linux"
    arch: str = ""
    address: str = ""
    resources: Resources = Resources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A node, as one service sees it."""

    name: str
    state: NodeState = NodeState.READY
    eligible: bool = True
    """Whether it is ready and active, and meets the service's constraints."""
    full: bool = False
    """Whether no more of the service's tasks fit there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Swarm-scoped network and the size of its address pool (None: not known)."""

    id: str
    name: str
    addresses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The Swarm at one moment. A service missing from `tasks` was not listed: unknown."""

    at: float
    services: Mapping[str, Service] = field(default_factory=dict)
    """By id."""
    tasks: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    """By service id."""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A hint from the engine that something may have changed."""

    service_id: str | None
    """None when the event is about a node, or when the whole fleet must be listed again."""
    kind: str
    action: str
    at: float
    attributes: Mapping[str, str] = field(default_factory=dict)
