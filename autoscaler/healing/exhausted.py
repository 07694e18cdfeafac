"""`exhausted`: Swarm has given up on some of a service's slots.

heal:
  - {rule: exhausted, then: restart}
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.healing import causes, places
from autoscaler.model import Act, Finding, Health
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class Exhausted(Strict):
    """Find slots without a task that shall run: their `max_attempts` are used up.

    Swarm leaves such a slot empty for good and says nothing; a scale does not revive it, a
    restart does. Services that end on purpose (`restart_policy.condition`) are not sick.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.RESTART, Act.NOTIFY})

    grace: Annotated[Duration, Field(ge=0, le=3600)] = 10.0
    """So long after its last task ended a slot counts as given up."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: the tasks show it."""
        lost = places.given_up(checkup.observation, self.grace)
        if not lost:
            return None, None
        asked = checkup.observation.service.replicas
        told = causes.counted(causes.ending(task) for task in lost)
        reason = f"Swarm gave up {len(lost)} of {asked} slots: {told}"
        tasks = tuple(task.id for task in lost)
        return None, Finding(state=Health.DEGRADED, reason=reason, tasks=tasks)
