"""Policies: what a person writes about services, validated into frozen models.

`behavior.py` says how fast, `scale.py` how many and by which metrics; this module ties
them to services. Files are read by `policy_files.py`; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from autoscaler.model import Service
from autoscaler.policy.behavior import Behavior, RateLimit, ScaleDown, ScaleUp
from autoscaler.policy.heal import Disruption, Heal
from autoscaler.policy.metric import Coverage, Hold, Metric
from autoscaler.policy.notify import Notify
from autoscaler.policy.release import Check, Release, Traffic
from autoscaler.policy.scale import Cooldown, Fallback, Scale
from autoscaler.policy.schedule import Schedule, Window
from autoscaler.strict import Strict

__all__ = [
    "Behavior",
    "Check",
    "Cooldown",
    "Coverage",
    "Disruption",
    "Fallback",
    "Heal",
    "Hold",
    "Metric",
    "Notify",
    "Policy",
    "PolicyFile",
    "PolicyMode",
    "RateLimit",
    "Release",
    "Scale",
    "ScaleDown",
    "ScaleUp",
    "Schedule",
    "Selector",
    "Traffic",
    "Window",
]


class PolicyMode(StrEnum):
    """Whether a policy acts (`active`), only says what it would do, or does not look."""

    ACTIVE = "active"
    DRY_RUN = "dry-run"
    PAUSED = "paused"


class Selector(Strict):
    """Chooses services; all that is stated must hold."""

    stack: str | None = None
    """The stack that the service was deployed with."""
    name: str | None = None
    """A glob that the service's name matches: `shop_*`."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Service labels (under `deploy:` in a stack file) with their exact values."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.stack is None and self.name is None and not self.labels:
            raise ValueError("an empty selector selects nothing; state stack, name or labels")
        return self

    def covers(self, service: Service) -> bool:
        """Whether the service is chosen."""
        return (
            (self.stack is None or service.stack == self.stack)
            and (self.name is None or fnmatchcase(service.name, self.name))
            and all(service.labels.get(key) == value for key, value in self.labels.items())
        )


class Policy(Strict):
    """What shall hold for some services."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
    """Names the policy in decisions, logs and metrics; unique over all files."""
    services: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names of services; globs such as `shop_*` are allowed."""
    selector: Selector | None = Field(default=None, validate_default=True)
    """Chooses services by stack, name or label, beside those that `services` names."""
    mode: PolicyMode = PolicyMode.ACTIVE
    """`active` acts; `dry-run` decides and says what it would do; `paused` does not look."""
    scale: Scale | None = None
    """How many replicas, and by what."""
    heal: tuple[Heal, ...] = ()
    """What to do about what goes wrong; of several cures the gravest is tried first."""
    disruption: Disruption = Disruption()
    """What healing may cost, and when it gives up."""
    release: Release = Release()
    """What a new release must show, and which ones are kept to go back to."""
    notify: tuple[Notify, ...] | None = None
    """Who hears of what happens to the services; unless stated, whom the settings' `notify`
    names, and with `[]` nobody."""

    @field_validator("heal")
    @classmethod
    def _heals_differ(cls, heals: tuple[Heal, ...]) -> tuple[Heal, ...]:
        names = [heal.name for heal in heals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two entries of heal are named {twice[0]!r}; give each a name:")
        return heals

    @field_validator("disruption")
    @classmethod
    def _available_at_its_smallest(cls, rest: Disruption, info: ValidationInfo) -> Disruption:
        scale = info.data.get("scale")
        if scale is not None and scale.least < rest.min_available:
            raise ValueError(
                f"min_available: {rest.min_available} is above min: {scale.least} of scale: no cure"
                " would be possible once so few are left; raise min, or lower min_available"
            )
        return rest

    @field_validator("selector")
    @classmethod
    def _chooses_services(cls, selector: Selector | None, info: ValidationInfo) -> Selector | None:
        if selector is None and info.data.get("services") == ():
            raise ValueError("name the policy's services: or give it a selector:")
        return selector

    @property
    def keeps_releases(self) -> bool:
        """Whether it may take a release back, or says how: then good ones are kept.

        A person may then go back to one of them, too.
        """
        watched = bool(self.release.checks) and self.release.on_failure == "rollback"
        healed = any("rollback" in (entry.then, entry.otherwise) for entry in self.heal)
        return watched or healed or "release" in self.model_fields_set

    def covers(self, service: Service) -> bool:
        """Whether the policy is about this service."""
        named = any(fnmatchcase(service.name, pattern) for pattern in self.services)
        return named or (self.selector is not None and self.selector.covers(service))


class PolicyFile(Strict):
    """One file of policies."""

    version: int = Field(ge=1, le=1)
    """The version of this format: 1."""
    policies: tuple[Policy, ...] = ()
    """The file's policies, in any order."""


def parse_policy(
    document: Mapping[str, Any], sources: Mapping[str, str] = MappingProxyType({})
) -> Policy:
    """The policy of one document.

    `sources` maps the names of sources that settings declare to their plugins; a plugin's
    own name needs no entry. Raises pydantic's ValidationError, with a place per error.
    """
    return Policy.model_validate(document, context={"sources": sources})
