"""Windows of time that move the bounds, or freeze them."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from autoscaler import crontab
from autoscaler.durations import Duration
from autoscaler.strict import Strict


def _cron(text: str) -> str:
    crontab.parse(text)
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        message = f"unknown time zone {text!r}; expected one such as Europe/Berlin or UTC"
        raise ValueError(message) from error
    return text


Cron = Annotated[str, AfterValidator(_cron)]
"""Five fields as in crontab(5), weekdays from Sunday = 0 or 7, names allowed."""


class Window(Strict):
    """A span of time that comes again and again."""

    cron: Cron
    """When the window opens, as crontab(5) has it: `0 8 * * mon-fri`."""
    duration: Annotated[Duration, Field(gt=0, le=31_536_000)] | None = None
    """How long it stays open, in elapsed time: also on the day of a clock change."""
    end: Cron | None = None
    """When it closes, in place of `duration`; that moment is outside."""
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    """The time zone of `cron` and `end`, by its name in the IANA database."""

    @model_validator(mode="after")
    def _one_close(self) -> Self:
        if (self.duration is None) == (self.end is None):
            raise ValueError("state exactly one of duration: and end:")
        return self


class Schedule(Window):
    """What holds while a window is open; metrics stay active between the bounds."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Names the schedule in decisions."""
    min: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Stands in for the policy's `min` while open."""
    max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Stands in for the policy's `max` while open."""
    freeze: Literal["up", "down", "both"] | None = None
    """No replicas are added, removed, or either, while open: not even to keep the bounds."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.min is None and self.max is None and self.freeze is None:
            raise ValueError("state what the schedule does: min:, max: or freeze:")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: {self.min} is above max: {self.max}")
        return self
