"""The Swarm adapter on the engine model."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.engine import FakeSwarm


async def becomes(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(120):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


Adapt = Callable[..., SwarmOrchestrator]


@pytest.fixture
async def engine() -> AsyncIterator[FakeSwarm]:
    """The engine model."""
    async with FakeSwarm() as engine:
        yield engine


@pytest.fixture
async def adapt(engine: FakeSwarm) -> AsyncIterator[Adapt]:
    """Make adapters to `engine`: `adapt(timeout=0.1)`."""
    made: list[SwarmOrchestrator] = []

    def adapt(**settings: object) -> SwarmOrchestrator:
        document = {"host": engine.host, **settings}
        made.append(SwarmOrchestrator(SwarmSettings.model_validate(document)))
        return made[-1]

    yield adapt
    for adapter in made:
        await adapter.close()


@pytest.fixture
def orchestrator(adapt: Adapt) -> SwarmOrchestrator:
    """An adapter as it comes."""
    return adapt()
