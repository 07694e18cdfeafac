"""`unhealthy_stuck`: tasks that shall run, and neither run nor end.

Swarm replaces a container that turns unhealthy. It waits for ever for one that never gets as
far as its first health check, or whose node hangs over it; until then nothing is sent to it.

heal:
  - {rule: unhealthy_stuck, grace: 5m, then: restart}
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.healing import causes
from autoscaler.model import Act, Finding, Health, Task, TaskState
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class UnhealthyStuck(Strict):
    """Find tasks that stay for too long in one state on their way to running.

    A task that says `starting` has a container that is alive and not healthy. Tasks on lost
    nodes are Swarm's business; those without a node or an image have rules of their own.
    """

    cures: ClassVar[frozenset[Act]] = frozenset(
        {Act.ROLLBACK, Act.REPLACE, Act.RESTART, Act.NOTIFY}
    )

    grace: Annotated[Duration, Field(gt=0, le=86_400)] = 300.0
    """So long a task may stay in one state: longer than images take to come, and than the
    `start_period` of the health check."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: the tasks show since when they are in their state."""
        seen = checkup.observation
        stuck = [
            task for task in seen.tasks or () if _waits(task) and seen.now - task.since > self.grace
        ]
        if not stuck:
            return None, None
        told = ", ".join(f"{count} in {state}" for state, count in _states(stuck).items())
        reason = f"tasks do not come to run within {self.grace:.0f} s: {told}"
        tasks = tuple(sorted(task.id for task in stuck))
        return None, Finding(state=Health.STUCK, reason=reason, tasks=tasks)


def _waits(task: Task) -> bool:
    """Whether a task should get on and does not, for none of the reasons that are told."""
    on_its_way = task.wanted and task.state is not TaskState.RUNNING and task.node_ready
    homeless = task.state is TaskState.PENDING and bool(task.error)
    return on_its_way and not homeless and not causes.image_missing(task)


def _states(tasks: list[Task]) -> Counter[str]:
    return Counter(f"{task.state}" for task in tasks)
