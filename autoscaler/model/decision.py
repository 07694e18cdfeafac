"""What a pass looks at, what it decides, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autoscaler.model.act import Act
from autoscaler.model.changes import Asked, Changed, Doubt, Reset, Run, Scaled
from autoscaler.model.cluster import Host, Rollout, Service, Task
from autoscaler.model.health import Healing, Standing
from autoscaler.model.orders import Order, OrderKind
from autoscaler.model.revisions import Revision, Watch
from autoscaler.model.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An absolute change to one service, decided from `version` of it."""

    kind: Act
    service_id: str
    service: str
    version: int
    replicas: int
    """The replica count that the service shall have afterwards; 0 where none is counted."""
    previous: int
    """The replica count that was observed."""
    rule: str = ""
    """The entry of the policy's `heal:` that asks for it; empty for a scale."""
    forced: int | None = None
    """The `ForceUpdate` counter that a restarted service shall have afterwards."""
    task: str = ""
    """Id of the one task that is replaced."""
    container: str = ""
    """Id of the container that is stopped for it."""
    node: str = ""
    """Id of the node that it runs on."""
    release: str = ""
    """The release that a rolled back service shall have afterwards."""
    over: Rollout = Rollout.NONE
    """The state of a rollout that it may write over; else only where none is under way."""
    order: Order | None = None
    """The order by hand that it carries out; None where it is decided by the policy."""

    @property
    def heals(self) -> bool:
        """Whether it is a cure, not a change of size."""
        return self.kind is not Act.SCALE

    @property
    def told(self) -> str:
        """What it does, in words."""
        if self.task:
            return f"{self.kind} task {self.task}"
        if self.kind is Act.ROLLBACK:
            return f"rollback to {self.release}"
        return str(self.kind) if self.heals else f"scale {self.previous} -> {self.replicas}"

    @property
    def change(self) -> int:
        """Replicas that it adds; negative where it takes some away."""
        return self.replicas - self.previous


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What one metric, schedule or rule would have. `replicas` None: it cannot say."""

    name: str
    replicas: int | None
    reason: str
    abstains: bool = False
    """It has no opinion: it neither asks for anything nor forbids anything."""
    act: Act = Act.SCALE
    """What it asks for. Only a scale has replicas."""
    tasks: tuple[str, ...] = ()
    """Ids of the tasks that a cure is for."""
    by_hand: bool = False
    """It is an order by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one guard made of the proposal; guards that let it pass leave none."""

    guard: str
    replicas: int
    """The proposal after the guard."""
    reason: str
    about: str = ""
    """The recommendation of a cure that it holds; empty for the number of replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of a pass over one service, "nothing to do" included."""

    at: float
    policy: str
    service_id: str
    service: str
    current: int | None
    wanted: int | None
    """What the recommendations come to, before any guard."""
    action: Action | None
    reason: str
    min: int | None = None
    """The bounds that held in this pass."""
    max: int | None = None
    held_by: str | None = None
    """The guard that kept the service as it is, though something else was wanted."""
    recommendations: tuple[Recommendation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    """What somebody should know who looks: labels that are not used, for example."""
    health: Standing | None = None
    """How the service is; None where nobody looked."""
    tells: tuple[str, ...] = ()
    """What healing rules have to tell now."""
    watch: Watch | None = None
    """The watch over the release, or how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many more tasks of a service the cluster can take; None: no limit is known."""

    more: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFacts:
    """What the fleet-wide brakes leave to this pass; None: no limit."""

    removable: int | None = None
    """Replicas that may be taken away now, of all services together."""
    addable: int | None = None
    """Replicas that may be added now, of all services together."""
    heal_at: float | None = None
    """Before this time no other service may be healed; None: any time."""
    heal_stop: str | None = None
    """Why nothing at all may be healed now."""
    failed_cures: tuple[Act, ...] = ()
    """Cures that did not help on several services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that a pass over one service may look at. One `now` for all of it."""

    now: float
    service: Service
    tasks: tuple[Task, ...] | None = None
    """The service's tasks; None when they were not listed."""
    samples: Mapping[str, Sample] = field(default_factory=dict)
    """By metric name."""
    coverage: Mapping[str, Sample] = field(default_factory=dict)
    """The share of expected targets behind a metric, by metric name."""
    fleet: FleetFacts = FleetFacts()
    holds: Mapping[str, Sample] = field(default_factory=dict)
    """Answers to the policy's `hold_down_while`, by name."""
    checks: Mapping[str, Sample] = field(default_factory=dict)
    """Answers to the checks of the policy's `release`, by name."""
    revisions: tuple[Revision, ...] = ()
    """The releases whose templates are kept."""
    symptoms: Mapping[str, Sample] = field(default_factory=dict)
    """Answers to what rules of the policy's `heal:` ask, by the name of the entry."""
    windows: tuple[str, ...] = ()
    """Names of the policy's schedules that are open."""
    stack_updates: tuple[float, ...] = ()
    """When each service of the same stack was last written; empty where it does not matter."""
    room: Room | None = None
    """None until a scale-up is on the table: only then is it worth reckoning."""
    hosts: Mapping[str, Host] | None = None
    """The nodes, by id; None where no healing rule looks at them."""
    unsettled: str | None = None
    """An earlier action whose outcome is not known yet, in words."""
    paused: str | None = None
    """Who has ordered by hand that nothing be done, and why; None where nobody has."""
    released_at: float | None = None
    """When somebody last ended a quarantine of the service by hand."""
    orders: tuple[Order, ...] = ()
    """What people want done to the service once, the gravest first."""
    agents: tuple[str, ...] = ()
    """Ids of the nodes of its tasks whose agent stops a container on request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What must be remembered of a service between passes, and over a restart."""

    replicas: int | None = None
    """The count that the last pass saw, or that we set since."""
    recommendations: tuple[Run, ...] = ()
    scaled: tuple[Scaled, ...] = ()
    asked: Mapping[str, Asked] = field(default_factory=dict)
    """By metric name, what its sample asked for when we last set out to change the replicas."""
    template: str = ""
    """The release that the last pass saw."""
    changed: Changed | None = None
    """A change by somebody else that is still being judged: a person, or a deploy."""
    doubt: Doubt | None = None
    """A write of ours that may show late, and is then no person's change."""
    disturbed_at: float | None = None
    """When a person last changed the replicas."""
    reset: Reset | None = None
    """What a deploy took away."""
    zeroed: bool = False
    """Whether the service is at zero because we put it there, not a person."""
    missing_since: float | None = None
    """Since when some metric could not be trusted; None once enough good samples followed."""
    good: int = 0
    """Passes in a row with new good samples since data were last missing."""
    good_at: float | None = None
    """Time of the newest sample that was counted as good."""
    strategies: Mapping[str, Any] = field(default_factory=dict)
    """Each strategy's own memory, by metric name; JSON values."""
    healing: Healing = field(default_factory=Healing)
    """What is remembered of its health."""
    obeyed: Mapping[OrderKind, float] = field(default_factory=dict)
    """When the last order of each kind was given that is done, refused or dropped."""


class Outcome(StrEnum):
    """How an action ended."""

    DONE = "done"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An action that is about to be made, stored before it is."""

    id: str
    at: float
    policy: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One pass in full: enough to make the same decision again."""

    policy: Mapping[str, Any]
    """The policy as a document, as it was loaded."""
    observation: Observation
    memory: Memory
    """As it was before the pass."""
    decision: Decision
