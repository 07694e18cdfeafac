"""`crash_loop`: tasks end by themselves again and again.

heal:
  - {rule: crash_loop, failures: 3, within: 5m, then: restart}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.healing import causes, places
from autoscaler.model import Act, Finding, Health, Task, TaskState
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

MOST_KEPT = 200
"""Failures that are remembered; a service that fails more often is a crash loop anyway."""


class CrashLoop(Strict):
    """Count the tasks that ended by themselves, each once, over a window of time.

    Swarm keeps a few ended tasks for each slot only, so they are counted when they are seen.
    Tasks that were stopped on purpose do not count, nor those of a release before this one or
    from before the last heal.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.RESTART, Act.NOTIFY})

    failures: Annotated[int, Field(ge=2, le=MOST_KEPT)] = 3
    """So many tasks must have ended."""
    within: Annotated[Duration, Field(gt=0, le=86_400)] = 300.0
    """They must have ended within this time."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remember failures as {task id: [when, how]}."""
        seen = checkup.observation
        since = max(checkup.since, seen.now - self.within)
        found = {task.id: (task.since, causes.ending(task)) for task in _failed(checkup)}
        # A clock that was set back: such a failure counts as of when it was first seen, and is
        # known for as long as its own time would make it a new one.
        known = {
            key: (min(at, seen.now), how)
            for key, (at, how) in {**found, **_read(memory)}.items()
            if max(at, found.get(key, (at, how))[0]) > since
        }
        newest = dict(sorted(known.items(), key=lambda item: item[1])[-MOST_KEPT:])
        after = {key: [at, how] for key, (at, how) in newest.items()} or None
        counted = {key: how for key, (at, how) in newest.items() if at > since}
        if len(counted) < self.failures:
            return after, None
        told = causes.counted(counted.values())
        reason = f"{len(counted)} tasks ended within {self.within:.0f} s: {told}"
        return after, Finding(state=Health.CRASH_LOOPING, reason=reason, tasks=tuple(counted))


def _failed(checkup: Checkup) -> list[Task]:
    """Those that had a container, and were made since: older ones are being replaced."""
    seen = checkup.observation
    tasks = (task for task in seen.tasks or () if task.state is not TaskState.REJECTED)
    return [task for task in tasks if task.created_at > checkup.since and places.fell(task, seen)]


def _read(memory: Any) -> Mapping[str, tuple[float, str]]:
    """What was remembered; what cannot be read counts as nothing."""
    if not isinstance(memory, Mapping):
        return {}
    return {
        key: (float(entry[0]), entry[1])
        for key, entry in memory.items()
        if isinstance(entry, list | tuple)
        and len(entry) == 2
        and isinstance(entry[0], int | float)
        and isinstance(entry[1], str)
    }
