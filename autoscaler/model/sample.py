"""What sources answer. Unknown, zero, stale and wrong are different things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """What an answer to a query is worth. Unknown is not zero, and neither is an error."""

    VALUE = "value"
    PARTIAL = "partial"
    """A value that came with warnings: good enough to grow on, never to shrink on."""
    NO_DATA = "no data"
    STALE = "stale"
    NAN = "not a number"
    INFINITE = "infinite"
    MANY = "many series"
    ERROR = "error"


_KNOWN = frozenset({Quality.VALUE, Quality.PARTIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskValue:
    """One task's part of a sample."""

    value: float | None
    """Finite; None when only `of` is known, and the task gave no sample."""
    at: float | None = None
    window: float = 0.0
    """Seconds over which the value was measured."""
    of: float | None = None
    """What the value is a share of (the limit or reservation), for utilization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A source's answer to one query for one service."""

    quality: Quality
    value: float | None = None
    """Set and finite for VALUE and PARTIAL, unless `tasks` is set; None otherwise."""
    at: float | None = None
    """When the value was measured, by the source's clock."""
    detail: str = ""
    tasks: Mapping[str, TaskValue] | None = None
    """Values by task id, where the source knows them; None for an aggregate."""
    alerts: tuple[str, ...] = ()
    """The alerts that the value counts, where the source can tell them apart: each by a name that
    is the same for as long as it fires."""

    @property
    def known(self) -> bool:
        """Whether there is a finite, fresh value, whole or partial."""
        return self.quality in _KNOWN

    @property
    def total(self) -> float:
        """The value, or the sum of the tasks' values; 0 where nothing is known."""
        if self.tasks is None:
            return self.value or 0.0
        return sum(task.value for task in self.tasks.values() if task.value is not None)
