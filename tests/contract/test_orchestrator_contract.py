"""The Swarm adapter keeps the contract, on the engine model and on a real engine."""

from collections.abc import AsyncIterator

import pytest

from autoscaler.testing.contracts.orchestrator import Bed, OrchestratorContract
from autoscaler.testing.contracts.restart import RestartContract
from autoscaler.testing.contracts.rollback import RollbackContract
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.engine.passing import passing_time
from autoscaler.testing.real.dockerd import PrivateSwarm


class Model:
    @pytest.fixture
    async def bed(self) -> AsyncIterator[Bed]:
        async with passing_time() as swarm, EngineApi(swarm.host) as api:
            yield SwarmBed(swarm.host, api, "busybox:1")


class RealEngine:
    @pytest.fixture
    async def bed(self, swarm: PrivateSwarm, busybox_image: str) -> AsyncIterator[Bed]:
        async with EngineApi(swarm.host) as api:
            bed = SwarmBed(swarm.host, api, busybox_image)
            yield bed
            await bed.clear()


class TestOnTheModel(Model, OrchestratorContract):
    pass


class TestOnARealEngine(RealEngine, OrchestratorContract):
    pass


class TestRestartsOnTheModel(Model, RestartContract):
    pass


class TestRestartsOnARealEngine(RealEngine, RestartContract):
    pass


class TestRollbacksOnTheModel(Model, RollbackContract):
    pass


class TestRollbacksOnARealEngine(RealEngine, RollbackContract):
    pass
