"""`cron`: one number while a window of time is open, and another while it is not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from autoscaler.calendar_windows import Calendar
from autoscaler.model import Quality, Sample, Task
from autoscaler.policy.schedule import Window
from autoscaler.ports import Clock, Query, Span
from autoscaler.strict import Strict

Number = Annotated[float, Field(allow_inf_nan=False)]


class CronSource:
    """Answers by the calendar, as KEDA's scaler of this name does.

    In a policy, for ten replicas in office hours unless other metrics ask for more:

        source: cron
        cron: "0 8 * * mon-fri"
        duration: 10h
        timezone: Europe/Berlin
        inside: 10
        target: {average_value: 1}

    `schedules:` of a policy move its bounds instead, and need no metric.
    """

    class Settings(Strict):
        """The calendar needs no settings."""

    class Options(Window):
        """A window of time, and a number for either side of it."""

        inside: Number
        """The answer while the window is open."""
        outside: Number = 0.0
        """The answer while it is not."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self._clock = clock
        self._calendar = Calendar()

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order, as of now."""
        now = self._clock()
        return [self._sample(query, now) for query in queries]

    async def past(self, query: Query, span: Span) -> Sequence[Sample]:
        """The answers of the calendar, then."""
        return [self._sample(query, moment) for moment in span.moments]

    async def close(self) -> None:
        """Nothing to give back."""

    def _sample(self, query: Query, now: float) -> Sample:
        if not isinstance(query.options, self.Options):
            told = f"{type(query.options).__name__} are not options of this source"
            return Sample(quality=Quality.ERROR, detail=told)
        is_open = self._calendar.phase(query.options, now).open
        value = query.options.inside if is_open else query.options.outside
        told = "the window is open" if is_open else "the window is closed"
        return Sample(quality=Quality.VALUE, value=value, at=now, detail=told)
