"""How many replicas a service shall have, and by which metrics."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, ValidationInfo, field_validator, model_validator

from autoscaler.durations import Duration
from autoscaler.policy.behavior import Behavior
from autoscaler.policy.metric import Hold, Metric
from autoscaler.policy.presets import Preset, filled
from autoscaler.policy.schedule import Schedule
from autoscaler.strict import Strict

Replicas = Annotated[int, Field(ge=0, le=1_000_000)]
Rest = Annotated[Duration, Field(ge=0, le=1800)]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Fallback(Strict):
    """What to hold on to when metrics stay away; the behaviors are KEDA's."""

    fallback: Replicas
    """The number of replicas to hold on to."""
    after: Annotated[Duration, Field(ge=0)] = 300.0
    """How long metrics must have been missing."""
    behavior: Literal[
        "static", "current_replicas", "current_replicas_if_higher", "current_replicas_if_lower"
    ] = "current_replicas_if_higher"
    """`current_replicas_if_higher` never takes replicas away, `current_replicas_if_lower` never
    adds any, `static` does either, `current_replicas` neither."""

    def applied(self, current: int) -> int:
        """The replicas to have without data."""
        match self.behavior:
            case "static":
                return self.fallback
            case "current_replicas":
                return current
            case "current_replicas_if_lower":
                return min(current, self.fallback)
        return max(current, self.fallback)


class Cooldown(Strict):
    """Times of rest after a change of replicas."""

    manual: Annotated[Duration, Field(ge=0)] = 300.0
    """After somebody else changed the replicas, metrics change nothing for this long."""
    up: Rest = 0.0
    """After a change of ours, metrics add nothing for this long."""
    down: Rest = 0.0
    """After a change of ours, metrics remove nothing for this long."""


class Scale(Strict):
    """Bounds, metrics and speed limits."""

    min: Replicas = 1
    """The service never has fewer replicas, with or without metrics. With 0 metrics may take all
    away, and wake a service that is at zero when it is seen for the first time."""
    max: Annotated[int, Field(ge=1, le=1_000_000)]
    """The service never has more replicas."""
    metrics: tuple[Metric, ...] = ()
    """The largest recommendation wins; one that cannot be trusted forbids shrinking."""
    behavior: Behavior = Behavior()
    """How fast the service grows and shrinks."""
    preset: Preset | None = None
    """Fills in what `behavior` and each `target` leave out: `steady` follows the load closely,
    `bursty` in fewer and larger steps, `slow-start` keeps for a while what took long to start.
    Unless stated HPA's defaults hold."""
    schedules: tuple[Schedule, ...] = ()
    """Windows of time that move the bounds, or freeze the service."""
    hold_down_while: tuple[Hold, ...] = ()
    """While one of these answers is not zero, or is not known, metrics remove nothing; bounds and
    schedules do."""
    warm_up: Annotated[Duration, Field(ge=0, le=3600)] = 0.0
    """For so long after its start a task does not count as ready in any metric."""
    cooldown: Cooldown = Cooldown()
    """Times of rest after a change of replicas."""
    on_missing: Literal["hold"] | Fallback = "hold"
    """Without data: keep the replicas, or after a while a fallback number."""
    recovery: Annotated[int, Field(ge=1, le=100)] = 3
    """After data were missing, so many good samples come before anything shrinks."""
    on_redeploy: Literal["restore", "accept"] = "restore"
    """When a deploy of the whole stack resets the replicas: put back what was there before, or
    start from the new number. A stack of one service must bring a new template as well: else it
    cannot be told from a person who scales."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, data: Any) -> Any:
        return filled(data)

    @property
    def least(self) -> int:
        """So few replicas metrics may leave of a service that is awake."""
        windows = (each.min for each in self.schedules if each.min is not None)
        return min((low for low in (self.min, *windows) if low), default=self.max)

    # Each about one field, so that they find their mistakes beside those of other fields.
    @field_validator("max")
    @classmethod
    def _bounds_in_order(cls, high: int, info: ValidationInfo) -> int:
        low = info.data.get("min", 0)
        if low > high:
            raise ValueError(f"min: {low} is above max: {high}")
        return high

    @field_validator("metrics", "schedules", "hold_down_while")
    @classmethod
    def _names_differ(cls, named: tuple[_Named, ...], info: ValidationInfo) -> tuple[_Named, ...]:
        names = [each.name for each in named]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            kind = "conditions" if info.field_name == "hold_down_while" else info.field_name
            raise ValueError(f"two {kind} are named {twice[0]!r}; give each a name: of its own")
        return named

    @field_validator("metrics")
    @classmethod
    def _formulas_have_their_inputs(cls, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        names = {metric.name for metric in metrics}
        for metric in metrics:
            lacking = sorted(getattr(metric.strategy, "inputs", frozenset()) - names)
            if lacking:
                known = ", ".join(sorted(names))
                told = f"metric {metric.name!r} needs {lacking[0]!r}; the metrics are {known}"
                raise ValueError(told)
        return metrics

    @field_validator("schedules")
    @classmethod
    def _windows_in_order(
        cls, schedules: tuple[Schedule, ...], info: ValidationInfo
    ) -> tuple[Schedule, ...]:
        if not {"min", "max"} <= info.data.keys():
            return schedules
        for schedule in schedules:
            low = info.data["min"] if schedule.min is None else schedule.min
            if low > (info.data["max"] if schedule.max is None else schedule.max):
                told = f"while {schedule.name!r} is open min is above max; state both there"
                raise ValueError(told)
        return schedules
