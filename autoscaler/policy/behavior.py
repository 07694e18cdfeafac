"""How fast a service may grow and shrink, in the words and with the defaults of HPA v2.

Source of words, defaults and ranges: Kubernetes `autoscaling/v2`,
`HorizontalPodAutoscalerBehavior` and `pkg/apis/autoscaling/v2/defaults.go`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.strict import Strict

Stabilization = Annotated[Duration, Field(ge=0, le=3600)]
Tolerance = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Select = Literal["max", "min", "disabled"]


class RateLimit(Strict):
    """At most so much change, in percent or in replicas, within each period."""

    percent: Annotated[int, Field(gt=0)] | None = None
    """Change within `period`, in percent of the replicas at its start."""
    replicas: Annotated[int, Field(gt=0)] | None = None
    """Change within `period`, in replicas."""
    period: Annotated[Duration, Field(gt=0, le=1800)]
    """The period that the change is counted over: up to `30m`."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.percent is None) == (self.replicas is None):
            raise ValueError("state exactly one of percent: and replicas:")
        return self


def _limit(**words: object) -> RateLimit:
    return RateLimit.model_validate(words)


class ScaleUp(Strict):
    """How a service grows."""

    stabilization: Stabilization = 0.0
    """Grow only to the lowest recommendation of this window; `0s` grows at once."""
    tolerance: Tolerance = 0.1
    """How far above its target a metric may be, as a share, before replicas are added."""
    select: Select = "max"
    """Which of several rate limits holds: the widest, the narrowest, or never grow."""
    policies: tuple[RateLimit, ...] = Field(
        default=(_limit(percent=100, period="15s"), _limit(replicas=4, period="15s")),
        min_length=1,
    )
    """Rate limits on growth."""


class ScaleDown(Strict):
    """How a service shrinks."""

    stabilization: Stabilization = 300.0
    """Shrink only to the highest recommendation of this window."""
    tolerance: Tolerance = 0.1
    """How far below its target a metric may be, as a share, before replicas are removed."""
    select: Select = "max"
    """Which of several rate limits holds: the widest, the narrowest, or never shrink."""
    policies: tuple[RateLimit, ...] = Field(
        default=(_limit(percent=100, period="15s"),), min_length=1
    )
    """Rate limits on shrinking."""


class Behavior(Strict):
    """Speed limits in both directions."""

    scale_up: ScaleUp = ScaleUp()
    """How the service grows."""
    scale_down: ScaleDown = ScaleDown()
    """How the service shrinks."""
