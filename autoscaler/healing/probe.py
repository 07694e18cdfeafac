"""`probe`: a number that a source answers is out of bounds, of the service or of single tasks.

A query with a value for each task (`per_task`) probes each of them; any other probes the
service as a whole.

heal:
  - rule: probe
    query: 'max_over_time(worker_stalled_seconds{service="$service"}[1m])'
    per_task: task
    max: 120
    for: 1m
    then: restart
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.model import Act, Finding, Health, Sample, Task
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

Bound = Annotated[float, Field(allow_inf_nan=False)]
MOST_NAMED = 3
"""Tasks that a reason names one by one."""


class Probe(Strict):
    """Find tasks, or a service, whose value is below `min` or above `max`.

    A task without a value is not known to fail. Those that have just started are not judged.
    """

    cures: ClassVar[frozenset[Act]] = frozenset(
        {Act.ROLLBACK, Act.REPLACE, Act.RESTART, Act.NOTIFY}
    )

    min: Bound | None = None
    """A smaller value fails."""
    max: Bound | None = None
    """A larger value fails."""
    failing: Annotated[int, Field(ge=1, le=100_000)] = 1
    """So many tasks must fail, where there is a value for each."""
    warm_up: Annotated[Duration, Field(ge=0, le=86_400)] = 30.0
    """For so long after its start a task is not judged, nor a service after a release or heal."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("state min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: {self.min:g} is above max: {self.max:g}")
        return self

    def question(self) -> Mapping[str, Any]:
        """All of it is the policy's."""
        return {}

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered; how long it must fail, the entry's `for:` says."""
        sample, seen = checkup.sample, checkup.observation
        if sample is None:
            return None, None
        if sample.tasks is None:
            young = seen.now < checkup.since + self.warm_up
            return None, None if young else self._whole(sample)
        judged = [
            task
            for task in seen.tasks or ()
            if task.healthy and seen.now >= task.since + self.warm_up
        ]
        return None, self._each(sample, judged)

    def _whole(self, sample: Sample) -> Finding | None:
        fault = self._fault(sample.value)
        return Finding(state=Health.DEGRADED, reason=fault) if fault else None

    def _each(self, sample: Sample, judged: list[Task]) -> Finding | None:
        values = {key: found.value for key, found in (sample.tasks or {}).items()}
        faults = {t.id: fault for t in judged if (fault := self._fault(values.get(t.id)))}
        if len(faults) < self.failing:
            return None
        named = ", ".join(f"{key}: {fault}" for key, fault in [*faults.items()][:MOST_NAMED])
        reason = f"{len(faults)} of {len(judged)} tasks fail: {named}"
        state = Health.DEGRADED if len(faults) < len(judged) else Health.UNHEALTHY
        return Finding(state=state, reason=reason, tasks=tuple(sorted(faults)))

    def _fault(self, value: float | None) -> str | None:
        if value is None:
            return None
        if self.min is not None and value < self.min:
            return f"{value:g} is below {self.min:g}"
        if self.max is not None and value > self.max:
            return f"{value:g} is above {self.max:g}"
        return None
