"""A Swarm to hold to the contract: the engine model, and a real engine."""

import itertools
from collections.abc import AsyncIterator

import pytest

from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.engine.passing import passing_time

_numbers = itertools.count(1)


@pytest.fixture(params=["model", pytest.param("real", marks=pytest.mark.swarm)])
async def bed(request: pytest.FixtureRequest) -> AsyncIterator[SwarmBed]:
    """A Swarm, and what others do to it."""
    if request.param == "model":
        async with passing_time() as model, EngineApi(model.host) as api:
            yield SwarmBed(model.host, api, "busybox:1")
        return
    swarm = request.getfixturevalue("swarm")
    image = request.getfixturevalue("busybox_image")
    async with EngineApi(swarm.host) as api:
        bed = SwarmBed(swarm.host, api, image)
        yield bed
        await bed.clear()


@pytest.fixture
def name() -> str:
    """A service's name that no other test uses."""
    return f"engine{next(_numbers)}"
