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
LATE = 1.0
"""Seconds by which two passes may be more than an interval apart."""


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
    failed: bool = False
    """Whether no answer came that could be read; else it was one that says nothing."""


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
            value, measured = _judged(found or (), name)
            late = answer.seconds >= PATIENCE
            told = Told(
                at,
                None if late else value,
                measured,
                world.product.lives,
                frozenset(world.at_fault),
                failed=late or found is None,
            )
            self.told[name] = [*self.told[name][-KEPT:], told]


def heeded(told: Sequence[Told], interval: float) -> list[Told]:
    """Without what failed between two passes: such a question is asked beside those of passes.

    Where it fails the older answer stays, which is fresh still, and the next pass asks again.
    What has been missing for longer than an interval was so in a pass.
    """
    kept: list[Told] = []
    failed: list[Told] = []
    known = -math.inf
    for each in told:
        if each.failed:
            failed.append(each)
            continue
        kept += [*(failed if each.at - known > interval + LATE else ()), each]
        failed, known = [], each.at
    return kept + failed


def _series(answer: Answer) -> Sequence[Any] | None:
    """The series of an answer that can be believed; None where it cannot be read at all."""
    whole = answer.status == 200 and not answer.broken
    if not whole or "json" not in answer.headers.get("Content-Type", ""):
        return None
    with suppress(ValueError, LookupError, TypeError):
        said = json.loads(answer.body)
        if said["status"] == "success":
            return () if said.get("warnings") else list(said["data"]["result"])
    return None


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
