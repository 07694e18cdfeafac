"""Which services' tasks to ask for in which request. Pure.

A task list has no pages, so its size is bounded by what is asked for: several services in one
filter, or, where one service alone is too much, a part of its tasks by the first character
of their ids (which are random, in base 36).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_FIRST = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Need:
    """One service whose tasks shall be listed."""

    service_id: str
    size: int
    """Estimated bytes of the answer."""
    whole: bool
    """With the ended tasks; otherwise only those that shall run."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Services that are listed together; in several requests if `pages` says so."""

    services: tuple[str, ...]
    whole: bool
    pages: int = 1

    def requests(self) -> Iterator[dict[str, list[str]]]:
        """The filters of each request."""
        filters = {"service": list(self.services)}
        if not self.whole:
            # "ready" is a replacement that waits for its restart delay.
            filters["desired-state"] = ["running", "ready"]
        if self.pages == 1:
            yield filters
            return
        for page in range(self.pages):
            yield {**filters, "id": list(_FIRST[page :: self.pages])}


@dataclass(slots=True)
class _Open:
    """A batch that is being filled."""

    services: list[str] = field(default_factory=list)
    size: int = 0


def batches(needs: Sequence[Need], *, body_bytes: int, services: int) -> list[Batch]:
    """Needs packed in their order, those with ended tasks first."""
    done: list[Batch] = []
    for whole in (True, False):
        group = [need for need in needs if need.whole is whole]
        done += _packed(group, whole, body_bytes, services)
    return done


def _packed(group: Sequence[Need], whole: bool, body_bytes: int, services: int) -> Iterator[Batch]:
    current = _Open()
    for need in group:
        if need.size > body_bytes:
            pages = min(len(_FIRST), math.ceil(need.size / body_bytes))
            yield Batch((need.service_id,), whole, pages)
            continue
        if current.size + need.size > body_bytes or len(current.services) == services:
            if current.services:
                yield Batch(tuple(current.services), whole)
            current = _Open()
        current.services.append(need.service_id)
        current.size += need.size
    if current.services:
        yield Batch(tuple(current.services), whole)
