"""Deploys, scales and rollbacks in any order on the engine model: the right release comes back."""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from autoscaler.agent.gate import MOST_BODY, Gate
from autoscaler.orchestrators.swarm import SwarmSettings
from autoscaler.settings import Agent
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.scenario import Scenario
from tests.scenario.releases import RUNS, Play, Recorded, policy

SEQUENCES = int(os.environ.get("RELEASE_SEQUENCES", "200"))
GATED = int(os.environ.get("GATED_SEQUENCES", "20"))
GROUPS = 20
ACTS = 8
"""In each sequence, beside what the autoscaler does."""
BAKE = 90.0
REST = 13
"""Passes, 15 s apart: a rollback, and the bake time of what it brought back."""


@asynccontextmanager
async def gated(host: str, directory: Path) -> AsyncIterator[tuple[str, Path]]:
    """The gate of a manager's agent: its address and its token."""
    token = directory / "token"
    token.write_text("a token of the tests")
    gate = Gate(Agent(gate_token_file=token), SwarmSettings(host=host), time.monotonic)
    application = web.Application(client_max_size=MOST_BODY)
    application.add_routes(gate.routes())
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/"), token
    await gate.close()


async def play(seed: int, directory: Path | None = None) -> Play:
    """One sequence from beginning to end; with a directory, through a gate."""
    chance, clock = random.Random(seed), ManualClock()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(FakeSwarm(clock, stepped=True, seed=seed))
        api = await stack.enter_async_context(EngineApi(engine.host))
        bed = SwarmBed(engine.host, api, "busybox:1")
        spec = bed.spec("web", 1, placeable=True)
        on_failure = chance.choice(["pause", "pause", "continue", "rollback"])
        spec["TaskTemplate"]["ContainerSpec"] |= {"Env": ["RELEASE=good0"], "Command": RUNS}
        spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", "Delay": 10**9}
        spec["UpdateConfig"] = {"Parallelism": chance.choice([0, 1]), "FailureAction": on_failure}
        service_id = await bed.create_from(spec)
        door: tuple[str, Path | None] = (engine.host, None)
        if directory is not None:
            door = await stack.enter_async_context(gated(engine.host, directory))
        swarm = Recorded(door[0], bed, door[1])
        document = policy("web", chance, f"{BAKE:g}s", "30s")
        scenario = Scenario(policies=[document], clock=clock)
        scenario.orchestrator = swarm

        async def moment() -> None:
            for _ in range(chance.randint(0, 2)):
                engine.advance(chance.choice([0, 1, 3, 8, 20]))
                await scenario.cycle(2.0)
            engine.advance(chance.choice([0, 1, 3, 8, 20]))

        async def rest(holds: Callable[[], Awaitable[bool]]) -> None:
            for _ in range(REST):
                engine.settle()
                await scenario.cycle(15.0)
            engine.settle()

        played = Play(bed, swarm, service_id, chance, moment, rest, on_failure)
        scenario.source.answer = played.answer
        async with scenario:
            await played.all_of_it(ACTS)
        await swarm.close()
        return played


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_the_right_release_is_back_with_the_right_replicas_in_every_order(
    group: int, record_property: Callable[[str, object], None]
) -> None:
    share = SEQUENCES // GROUPS
    played = [await play(seed) for seed in range(group * share, (group + 1) * share)]
    rollbacks = sum(len(each.swarm.taken_back) for each in played)
    assert rollbacks or len(played) < 5
    record_property("sequences", f"{len(played)} of {share} right, {rollbacks} rollbacks in them")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_so_it_is_through_the_gate_of_a_managers_agent(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with capture_logs() as logs:
        played = [await play(seed, tmp_path) for seed in range(GATED)]
    assert [line for line in logs if line["event"] == "write refused"] == []
    rollbacks = sum(len(each.swarm.taken_back) for each in played)
    assert rollbacks or len(played) < 5
    record_property("sequences", f"{len(played)} right through a gate, {rollbacks} rollbacks")
