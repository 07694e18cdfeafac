"""What Prometheus has told about each service, and what of it can be trusted.

Judged by what was sent, by rules of its own: a value is good if it is whole, finite, alone, fresh.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.simulation.prometheus import Answer
from tests.simulation.world import World

PATIENCE = 5.0
"""Seconds after which the product does not wait for Prometheus any longer."""
KEPT = 400
FRESH = 300.0
"""Seconds for which a sample counts: what a policy says of it if it says nothing."""
ROUNDED = 1e-5
"""Seconds that times which are the same may differ by."""


@dataclass(frozen=True)
class Told:
    """One answer about one service."""

    at: float
    """When it came, or was not waited for any more."""
    value: float | None
    """None where nothing follows from it."""
    measured: float
    life: int
    """Which process asked."""
    faults: frozenset[str]
    """What went wrong at that time."""


class Answers:
    """All answers, by service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.told: dict[str, list[Told]] = defaultdict(list)
        world.prometheus.on_answer = self._hear

    def until(self, service: str, at: float) -> Sequence[Told]:
        """What had been told about a service by then, oldest first."""
        return [told for told in self.told[service] if told.at <= at + ROUNDED]

    def _hear(self, query: str, answer: Answer) -> None:
        world = self._world
        found = _series(answer)
        at = world.clock() + min(answer.seconds, PATIENCE)
        for name, workload in world.services.items():
            if workload.query != query:
                continue
            value, measured = _judged(found, name)
            late = answer.seconds >= PATIENCE
            told = Told(
                at,
                None if late else value,
                measured,
                world.product.lives,
                frozenset(world.at_fault),
            )
            self.told[name] = [*self.told[name][-KEPT:], told]


def _series(answer: Answer) -> Sequence[Any]:
    """The series of an answer that can be believed; none of any other."""
    whole = answer.status == 200 and not answer.broken
    if not whole or "json" not in answer.headers.get("Content-Type", ""):
        return ()
    with suppress(ValueError, LookupError, TypeError):
        said = json.loads(answer.body)
        if said["status"] == "success" and not said.get("warnings"):
            return list(said["data"]["result"])
    return ()


def _judged(series: Sequence[Any], service: str) -> tuple[float | None, float]:
    """The only value of a service, if it is good, and when it was measured."""
    mine = [one for one in series if one["metric"].get("service") == service]
    values = [one["value"] for one in mine if "__measured__" not in one["metric"]]
    times = [one["value"] for one in mine if "__measured__" in one["metric"]]
    with suppress(ValueError, TypeError, LookupError):
        (at, text), (_, measured) = _only(values), _only(times)
        value, since = float(text), float(measured)
        if math.isfinite(value) and at - since <= FRESH:
            return value, since
    return None, 0.0


def _only(points: Sequence[Any]) -> Any:
    """The one that there is. Raises ValueError for none and for several."""
    (one,) = points
    return one
