"""`constant`: the same number, always. For tests, for floors, and as a part of formulas."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from autoscaler.model import Quality, Sample, Task
from autoscaler.ports import Clock, Query, Span
from autoscaler.strict import Strict


class ConstantSource:
    """Answers each query with the number that the query itself states.

    In a policy, so that there are at least three replicas:

        source: constant
        value: 3
        target: {average_value: 1}
    """

    class Settings(Strict):
        """A constant needs no settings."""

    class Options(Strict):
        """A number that does not change."""

        value: Annotated[float, Field(allow_inf_nan=False)]
        """The answer, of every service and at any time."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self._clock = clock

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order, as measured now."""
        now = self._clock()
        return [self._sample(query, now) for query in queries]

    async def past(self, query: Query, span: Span) -> Sequence[Sample]:
        """It has always been the same."""
        return [self._sample(query, moment) for moment in span.moments]

    async def close(self) -> None:
        """Nothing to give back."""

    def _sample(self, query: Query, now: float) -> Sample:
        if not isinstance(query.options, self.Options):
            told = f"{type(query.options).__name__} are not options of this source"
            return Sample(quality=Quality.ERROR, detail=told)
        return Sample(quality=Quality.VALUE, value=query.options.value, at=now)
