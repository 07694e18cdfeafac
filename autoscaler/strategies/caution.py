"""What keeps a strategy from saying too much: limits to a change, and doubts in a total."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from autoscaler.model import Recommendation
from autoscaler.ports import Reading

Most = Annotated[int, Field(ge=0, le=1_000_000)]
"""Replicas that are added, or removed, at a time."""


def limited(replicas: int, current: int, most_up: int | None, most_down: int | None) -> int:
    """A number of replicas, no further from the current one than stated."""
    if most_up is not None:
        replicas = min(replicas, current + most_up)
    if most_down is not None:
        replicas = max(replicas, current - most_down)
    return replicas


def by_total(reading: Reading, replicas: int, reason: str) -> Recommendation:
    """What follows from a sample's total: one that lacks tasks is too low to shrink on."""
    silent = reading.silent
    if silent and replicas < reading.current:
        told = f"{silent} of its tasks gave no sample"
        return Recommendation(name=reading.name, replicas=None, reason=told)
    return Recommendation(name=reading.name, replicas=replicas, reason=reason)
