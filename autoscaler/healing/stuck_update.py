"""`stuck_update`: a rollout that is paused, or does not get on.

heal:
  - {rule: stuck_update, deadline: 10m, then: notify}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.model import Act, Finding, Health, Observation, Rollout
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class StuckUpdate(Strict):
    """Find a rollout that Swarm has paused, or that brought no new healthy task for long.

    The deadline is that of a Kubernetes Deployment (`progressDeadlineSeconds`, 600 s).
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.NOTIFY})

    deadline: Annotated[Duration, Field(gt=0, le=86_400)] = 600.0
    """So long without another healthy task, and a rollout is stuck."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remember how far the rollout was, and since when: [its start, tasks, time]."""
        seen = checkup.observation
        if seen.service.rollout.settled:
            return None, None
        after = _progress(memory, seen)
        if seen.service.rollout in (Rollout.PAUSED, Rollout.ROLLBACK_PAUSED):
            told = f": {seen.service.rollout_message}" if seen.service.rollout_message else ""
            return after, _stuck(f"the update is {seen.service.rollout}{told}")
        idle = seen.now - after[2]
        if idle < self.deadline:
            return after, None
        told = f"the update is {seen.service.rollout}, without progress for {idle:.0f} s"
        return after, _stuck(told)


def _stuck(reason: str) -> Finding:
    return Finding(state=Health.STUCK, reason=reason)


def _progress(memory: Any, seen: Observation) -> list[float]:
    """When a rollout had so many healthy tasks of its own for the first time."""
    started = seen.service.rollout_started
    new = sum(task.healthy and task.created_at >= started for task in seen.tasks or ())
    known = _read(memory)
    if known is None or known[0] != started or new > known[1]:
        return [started, float(new), seen.now]
    return known


def _read(memory: Any) -> list[float] | None:
    """What was remembered; what cannot be read counts as nothing."""
    if isinstance(memory, str | Mapping) or not isinstance(memory, list | tuple):
        return None
    good = len(memory) == 3 and all(isinstance(each, int | float) for each in memory)
    return [float(each) for each in memory] if good else None
