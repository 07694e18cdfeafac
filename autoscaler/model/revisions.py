"""What is remembered of a service's releases, so that a bad one can be taken back.

A release is named by the hash of its task template without `ForceUpdate`. The templates
themselves may hold secrets: they are kept by the store alone, and never part of a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A task template as the cluster gave it, whole: may hold secrets, is never shown."""

    release: str
    """Its hash."""
    image: str = ""
    raw: str = field(repr=False)
    """The backend's own document."""

    @property
    def pinned(self) -> bool:
        """Whether its image is named by a digest: a tag may mean something else by now."""
        return "@sha256:" in self.image


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A release that ran well, and whose template is kept."""

    release: str
    at: float
    """When it last proved itself."""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A release that was rolled back, by us or by others. It is never gone back to, nor watched
    again."""

    release: str
    at: float
    reason: str = ""
    ours: bool = False
    """Whether it was a rollback of ours: there is no second one."""


class Phase(StrEnum):
    """How far the watch over a new release has come."""

    ROLLOUT = "rolling out"
    WARM_UP = "warming up"
    WATCHED = "watched"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"

    @property
    def open(self) -> bool:
        """Whether the watch goes on."""
        return self in (Phase.ROLLOUT, Phase.WARM_UP, Phase.WATCHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the evaluations of one check came to so far."""

    passes: int = 0
    failures: int = 0
    errors: int = 0
    """In a row."""
    at: float = 0.0
    """When the newest sample that counted was measured."""
    conclusive: bool = False
    """Whether the newest evaluation said anything."""
    last: str = ""
    """What it came to, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The watch over a new release."""

    release: str
    since: float
    """When the release was first seen."""
    phase: Phase = Phase.ROLLOUT
    rolled_out_at: float | None = None
    evaluated_at: float | None = None
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    """By check."""
    baseline: Mapping[str, float] = field(default_factory=dict)
    """What a check's query answered before the change, by check."""
    reason: str = ""
    """Why it has ended so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What must be remembered of a service's releases."""

    current: str = ""
    """The release that the last pass saw."""
    since: float = 0.0
    """When it came, or was first seen."""
    before: str = ""
    """The release that it took the place of."""
    tasks_from: float = 0.0
    """Tasks that were made before may be another release's: nothing is blamed on it for them."""
    well_since: float | None = None
    """Since when it has been rolled out and healthy without a break."""
    proved: bool = False
    """Whether it has stayed so for long enough: it is worth going back to."""
    restored: bool = False
    """Whether a rollback of ours brought it, and it has not proved itself since."""
    failed: tuple[Failed, ...] = ()
    """Oldest first."""
    unfit: tuple[str, ...] = ()
    """Revisions that the cluster would not take back."""
    watch: Watch | None = None
    usual: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """What checks that compare answered lately, while no release was in doubt: (time, value)."""

    def failure(self, release: str) -> Failed | None:
        """When and why a release was rolled back, if it was."""
        return next((each for each in reversed(self.failed) if each.release == release), None)
