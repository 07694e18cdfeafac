"""How a service is, and what is remembered of attempts to heal it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autoscaler.model.act import Act
from autoscaler.model.revisions import Releases


class Health(StrEnum):
    """The state of a service as a whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Some of its tasks do not run."""
    UNHEALTHY = "unhealthy"
    """None of its tasks runs."""
    UPDATING = "updating"
    CRASH_LOOPING = "crash-looping"
    UNSCHEDULABLE = "unschedulable"
    IMAGE_MISSING = "image missing"
    STUCK = "stuck"
    """It will not go on by itself."""
    QUARANTINED = "quarantined"
    """Healing has given up on it; a person or a new release sets it free."""
    UNKNOWN = "unknown"

    @property
    def sick(self) -> bool:
        """Whether something is known to be wrong."""
        return self not in (Health.HEALTHY, Health.UPDATING, Health.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a healing rule found wrong. The cure is the policy's business."""

    state: Health
    """A sick one; or `HEALTHY` for what works, and should be cared for before it does not."""
    reason: str
    tasks: tuple[str, ...] = ()
    """Ids of the tasks that it is about."""
    treated: str = ""
    """Why it asks for no cure, though it stands: it has had one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a service is, and why it is said to be so."""

    state: Health
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A heal that was tried."""

    at: float
    act: Act
    rule: str
    """The name of the entry in the policy's `heal:` that asked for it."""
    release: str = ""
    """The service's template then."""
    to: str = ""
    """The release that a rollback was to bring back."""
    failure: str = ""
    """Why it was not done; empty for one that was, or of which that is not known."""
    by_hand: bool = False
    """Whether a person ordered it: it does not count against healing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A heal that nobody heard of: the cluster could not be asked for it."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Healing has given up on a service, at this release of it."""

    at: float
    reason: str
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """What must be remembered of a service's health."""

    rules: Mapping[str, Any] = field(default_factory=dict)
    """Each rule's own memory, by the name of its entry; JSON values."""
    since: Mapping[str, float] = field(default_factory=dict)
    """Since when each entry's finding holds without a break."""
    told: Mapping[str, float] = field(default_factory=dict)
    """When an entry that only tells last told of its finding."""
    attempts: tuple[Attempt, ...] = ()
    """Oldest first."""
    unsent: Unsent | None = None
    """The last heal that came to nothing before anything was sent, if no other came after it."""
    well_since: float | None = None
    """Since when the service has been healthy without a break."""
    counted_from: float = 0.0
    """Attempts before this have proved themselves, or belong to another release."""
    quarantine: Quarantine | None = None
    ailing: bool = False
    """Whether rules found it sick in the last pass that looked."""
    release: str = ""
    """The release that the last pass saw."""
    released_at: float = 0.0
    """When it came; 0 where it was there before us."""
    releases: Releases = field(default_factory=Releases)
    """What is remembered of its releases."""

    @property
    def run(self) -> tuple[Attempt, ...]:
        """The attempts of this run of sickness: none of them has lasted yet."""
        if not self.attempts:
            return ()
        own = (each for each in self.attempts if not each.by_hand)
        return tuple(each for each in own if each.at >= self.counted_from)
