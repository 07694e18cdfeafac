"""`unschedulable`: tasks wait for a node that does not exist.

heal:
  - {rule: unschedulable, for: 1m, then: notify}
"""

from __future__ import annotations

from typing import Any, ClassVar

from autoscaler.model import Act, Finding, Health, TaskState
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class Unschedulable(Strict):
    """Find tasks that shall run and find no node, and say in Swarm's words why."""

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.NOTIFY})

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: the tasks show it."""
        waiting = [
            task
            for task in checkup.observation.tasks or ()
            if task.alive and task.state is TaskState.PENDING and task.error
        ]
        if not waiting:
            return None, None
        told = "; ".join(sorted({task.error for task in waiting}))
        reason = f"{len(waiting)} tasks find no node: {told}"
        tasks = tuple(task.id for task in waiting)
        return None, Finding(state=Health.UNSCHEDULABLE, reason=reason, tasks=tasks)
