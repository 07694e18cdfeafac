"""Through the gate of a manager's agent the Swarm adapter keeps the same contract as beside it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from autoscaler.agent.gate import MOST_BODY, Gate
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.settings import Agent
from autoscaler.testing.contracts.orchestrator import Bed, OrchestratorContract
from autoscaler.testing.contracts.restart import RestartContract
from autoscaler.testing.contracts.rollback import RollbackContract
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.engine.passing import passing_time
from autoscaler.testing.real.dockerd import PrivateSwarm


class GatedBed(SwarmBed):
    """People speak to the engine, the adapter to the gate before it."""

    def __init__(self, host: str, api: EngineApi, image: str, gate: str, token: Path) -> None:
        super().__init__(host, api, image)
        self._gate = gate
        self._token = token

    def orchestrator(self) -> SwarmOrchestrator:
        return SwarmOrchestrator(SwarmSettings(host=self._gate, token_file=self._token))


@asynccontextmanager
async def gated(host: str, image: str, directory: Path) -> AsyncIterator[GatedBed]:
    token = directory / "token"
    token.write_text("a token of the tests")
    gate = Gate(Agent(gate_token_file=token), SwarmSettings(host=host), time.monotonic)
    application = web.Application(client_max_size=MOST_BODY)
    application.add_routes(gate.routes())
    async with EngineApi(host) as api, TestServer(application) as server:
        yield GatedBed(host, api, image, str(server.make_url("")).rstrip("/"), token)
    await gate.close()


class Model:
    @pytest.fixture
    async def bed(self, tmp_path: Path) -> AsyncIterator[Bed]:
        async with passing_time() as swarm, gated(swarm.host, "busybox:1", tmp_path) as bed:
            yield bed


class RealEngine:
    @pytest.fixture
    async def bed(
        self, swarm: PrivateSwarm, busybox_image: str, tmp_path: Path
    ) -> AsyncIterator[Bed]:
        async with gated(swarm.host, busybox_image, tmp_path) as bed:
            yield bed
            await bed.clear()


class TestThroughAGateOnTheModel(Model, OrchestratorContract):
    pass


class TestThroughAGateOnARealEngine(RealEngine, OrchestratorContract):
    pass


class TestRestartsThroughAGateOnTheModel(Model, RestartContract):
    pass


class TestRestartsThroughAGateOnARealEngine(RealEngine, RestartContract):
    pass


class TestRollbacksThroughAGateOnTheModel(Model, RollbackContract):
    pass


class TestRollbacksThroughAGateOnARealEngine(RealEngine, RollbackContract):
    pass
