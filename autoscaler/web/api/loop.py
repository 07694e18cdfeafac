"""How the loop gets on: whether passes are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.passing import Failing
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint


class LoopState(Answer):
    """The last pass, and what fails since."""

    passed_at: float | None
    """When the last pass over all services was made and stored, in Unix seconds; null before the
    first of this process."""
    late_after: float
    """Seconds without a pass that are too many."""
    failing: Failing | None
    """Null while passes succeed."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is told of the loop."""
    return [
        endpoint(
            _Loop(desk).state,
            path="/loop",
            summary="When the last pass was made, and why passes fail since",
            answer=LoopState,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Loop:
    desk: Desk

    async def state(self, asked: Asked) -> LoopState:
        """From memory: it is told also while neither the cluster nor the store answers."""
        now = self.desk.passing()
        return LoopState(passed_at=now.passed_at, late_after=now.late_after, failing=now.failing)
