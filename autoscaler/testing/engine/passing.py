"""Lets time pass for a model that real clients wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine.fake_swarm import FakeSwarm

_STEP = 0.5
"""Seconds by which the model's clock is moved at a time."""


@asynccontextmanager
async def passing_time() -> AsyncIterator[FakeSwarm]:
    """A model in which half a second passes as often as the event loop comes round to it."""
    clock = ManualClock()
    async with FakeSwarm(clock) as swarm:
        task = asyncio.create_task(_pass(swarm, clock))
        try:
            yield swarm
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _pass(swarm: FakeSwarm, clock: ManualClock) -> None:
    while True:
        await asyncio.sleep(0.002)
        clock.advance(_STEP)
        swarm.settle()
