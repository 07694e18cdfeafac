"""`max_age`: tasks grow old, and what leaks in them grows with them.

Recycles tasks before they fail: `restart` all of them by a rolling update, `replace` one after
the other, the oldest first. The service is healthy meanwhile, and stays so in its state.

heal:
  - {rule: max_age, older_than: 72h, then: restart, cooldown: 1h}
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration, format_duration
from autoscaler.model import Act, Finding, Health
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class MaxAge(Strict):
    """Find tasks that were created longer ago than they may be old."""

    cures: ClassVar[frozenset[Act]] = frozenset({Act.RESTART, Act.REPLACE, Act.NOTIFY})

    older_than: Annotated[Duration, Field(ge=1, le=31_536_000)]
    """An older task is due. Well above `well_after` of `disruption`, else the next restart comes
    before the last one counts as successful, and the service ends in quarantine."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: the tasks show when they were created."""
        seen = checkup.observation
        # An age that is not known is none.
        running = [t for t in seen.tasks or () if t.healthy and t.created_at > 0]
        due = [task for task in running if seen.now - task.created_at > self.older_than]
        if not due:
            return None, None
        due.sort(key=lambda task: (task.created_at, task.id))
        oldest = format_duration(round(seen.now - due[0].created_at, 0))
        allowed = format_duration(self.older_than)
        reason = f"{len(due)} of {len(running)} tasks are older than {allowed}, one is {oldest} old"
        tasks = tuple(task.id for task in due)
        return None, Finding(state=Health.HEALTHY, reason=reason, tasks=tasks)
