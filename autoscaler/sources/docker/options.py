"""What a policy may write beside `source: docker`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.strict import Strict

LONGEST_WINDOW = 300.0
"""Seconds of statistics that are kept at most."""


class Options(Strict):
    """A question to the local engine's statistics."""

    query: Literal["cpu", "memory"]
    """`cpu` in cores, or `memory` in bytes without what the kernel could drop at once."""
    of: Literal["limit", "reservation", "core", "node"] | None = None
    """What `utilization` is a share of; unless stated the limit, else the reservation, else,
    for `cpu`, one core."""
    window: Annotated[Duration, Field(ge=2, le=LONGEST_WINDOW)] = 15.0
    """The time over which the value is averaged."""

    @model_validator(mode="after")
    def _cores_are_of_cpu(self) -> Self:
        if self.query == "memory" and self.of == "core":
            raise ValueError("`of: core` is for cpu; memory is of: limit, reservation or node")
        return self
