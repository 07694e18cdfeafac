"""`image_missing`: tasks cannot start for want of their image.

heal:
  - {rule: image_missing, then: notify}
"""

from __future__ import annotations

from typing import Any, ClassVar

from autoscaler.healing import causes, places
from autoscaler.model import Act, Finding, Health
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class ImageMissing(Strict):
    """Find places whose last task could not get its image, and say why.

    Registry credentials that have expired look like this too, often only on nodes that did
    not have the image already.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.NOTIFY})

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: the tasks show it."""
        seen = checkup.observation
        without = [task for task in seen.tasks or () if causes.image_missing(task)]
        last = {task.id for task in places.newest(seen.tasks or ())}
        # A new attempt that waits for its restart delay has not got the image either.
        waiting = {task.place for task in seen.tasks or () if task.id in last and not task.healthy}
        lacking = [t for t in without if t.place in waiting and t.since > checkup.since]
        if not lacking:
            return None, None
        error = max(lacking, key=lambda task: task.since).error
        reason = f"{seen.service.image} cannot be had: {error}{_advice(error)}"
        tasks = tuple(sorted(task.id for task in lacking))
        return None, Finding(state=Health.IMAGE_MISSING, reason=reason, tasks=tasks)


def _advice(error: str) -> str:
    if not causes.credentials(error):
        return ""
    return "; the registry's credentials may have expired: update with --with-registry-auth"
