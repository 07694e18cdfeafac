"""`flapping`: a service falls over and gets up, again and again, too slowly for a crash loop.

Nagios' flap detection: of the last 21 looks, the share of those that differ from the one
before, where the newest count most. It begins at `high` and ends below `low`.

heal:
  - {rule: flapping, high: 20, low: 5, every: 1m, then: notify}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.healing import places
from autoscaler.model import Act, Finding, Health, Observation, TaskState
from autoscaler.ports import Checkup
from autoscaler.strict import Strict

LOOKS = 21
"""States that are remembered, as in Nagios (`MAX_STATE_HISTORY_ENTRIES`)."""
OLDEST, NEWEST = 0.75, 1.25
"""What the oldest and the newest change count; those between in proportion."""
UP, DOWN = "+", "-"


class Flapping(Strict):
    """Weigh how often a service went down and came up.

    It is down while one of its places, whose last task ended by itself, has none that runs.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.ROLLBACK, Act.RESTART, Act.NOTIFY})

    high: Annotated[float, Field(gt=0, le=100)] = 20.0
    """Percent of changes from which on it flaps."""
    low: Annotated[float, Field(gt=0, le=100)] = 5.0
    """Percent of changes below which it does not any more."""
    every: Annotated[Duration, Field(ge=1, le=3600)] = 60.0
    """The time that one look stands for; down at any time in it is down."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low: {self.low:g} is above high: {self.high:g}")
        return self

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remember the looks while they differ: {turn, states, flaps}."""
        seen = checkup.observation
        if not seen.service.rollout.settled:
            return _read(memory).kept, None
        before = _read(memory)
        if before.turn * self.every < checkup.since:
            before = _Looks()
        after = self._judged(before.with_look(int(seen.now // self.every), _state(seen)))
        if not after.flaps:
            return after.kept, None
        reason = f"it goes down and up: {after.share:.0f} % of its last {LOOKS} looks differ"
        return after.kept, Finding(state=Health.DEGRADED, reason=reason)

    def _judged(self, looks: _Looks) -> _Looks:
        flaps = looks.share >= (self.low if looks.flaps else self.high)
        return _Looks(looks.turn, looks.states, flaps)


@dataclass(frozen=True, slots=True)
class _Looks:
    """The last looks, oldest first."""

    turn: int = 0
    """The number of the newest look, counted from 1970 on."""
    states: str = UP * LOOKS
    flaps: bool = False

    def with_look(self, turn: int, state: str) -> _Looks:
        """With one more look, or a second one in the same turn. Missed turns are unknown."""
        if turn > self.turn:
            return _Looks(turn, (self.states + state)[-LOOKS:], self.flaps)
        if state == DOWN:
            return _Looks(self.turn, self.states[:-1] + DOWN, self.flaps)
        return self

    @property
    def share(self) -> float:
        """Weighted percent of the changes that there can be."""
        step = (NEWEST - OLDEST) / (LOOKS - 2)
        changes = [before != after for before, after in pairwise(self.states)]
        weighed = sum(OLDEST + n * step for n, changed in enumerate(changes) if changed)
        return 100.0 * weighed / (LOOKS - 1)

    @property
    def kept(self) -> dict[str, Any] | None:
        """What is worth remembering; a service that was always up needs no memory."""
        if DOWN not in self.states and not self.flaps:
            return None
        return {"turn": self.turn, "states": self.states, "flaps": self.flaps}


def _state(seen: Observation) -> str:
    """Whether a place whose task ended by itself has none that runs in its stead."""
    tasks = seen.tasks or ()
    runs = {task.place for task in tasks if task.healthy}
    fell = {
        task.place
        for task in tasks
        if places.fell(task, seen) and task.desired is not TaskState.REMOVE
    }
    return DOWN if fell - runs else UP


def _read(memory: Any) -> _Looks:
    """What was remembered; what cannot be read counts as nothing."""
    if not isinstance(memory, Mapping):
        return _Looks()
    turn, states, flaps = memory.get("turn"), memory.get("states"), memory.get("flaps")
    if not (isinstance(turn, int) and isinstance(states, str) and isinstance(flaps, bool)):
        return _Looks()
    good = len(states) == LOOKS and set(states) <= {UP, DOWN}
    return _Looks(turn, states, flaps) if good else _Looks()
