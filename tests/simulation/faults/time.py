"""What may happen to the clock on the wall; time itself goes on as it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from tests.simulation.faults.fault import Coursed, fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]


def _jumps(name: str, seconds: float) -> Coursed:
    """Until NTP sets it right."""

    @fault(name)
    async def jumping(world: World) -> Course:
        world.clock.now += seconds
        yield
        world.clock.now -= seconds

    return jumping


FAULTS = (
    _jumps("clock jumps a minute ahead", 60.0),
    _jumps("clock jumps back a minute", -60.0),
    # A machine whose hardware clock keeps local time is an hour off after a change of DST.
    _jumps("clock an hour ahead, as after DST", 3600.0),
    _jumps("clock an hour behind, as after DST", -3600.0),
)
