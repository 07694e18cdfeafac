"""How the number of a service's replicas came about, as it is remembered between passes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recommendation that stood unchanged from `since` to `until`, both included."""

    replicas: int
    since: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """A change of replicas that we made: positive when added."""

    at: float
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change of replicas by somebody else, of which it is not clear yet who it was."""

    at: float
    """When it was noticed."""
    replicas: int
    """The replicas before it."""
    updated_at: float
    """When the service was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A write that got no answer and did not show when it was looked for: it may come yet."""

    at: float
    replicas: int
    previous: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Replicas that a deploy took away, and that shall come back."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a sample asked for."""

    at: float
    """When it was acted on."""
    measured_at: float
    replicas: int
