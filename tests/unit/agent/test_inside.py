"""The controller is the agent of its own node, until that node has another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.agent import process
from autoscaler.hub import Hub
from autoscaler.inside import keep_agent
from autoscaler.settings import Settings
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.node_engine import FakeNodeEngine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeNodeEngine]:
    async with FakeNodeEngine(tmp_path / "docker.sock") as engine:
        yield engine


@pytest.fixture
def hub() -> Hub:
    return Hub(Telemetry(), ManualClock())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def settings(engine: FakeNodeEngine, **more: object) -> Settings:
    orchestrator = {"type": "swarm", "host": engine.host}
    return Settings.model_validate({"orchestrator": orchestrator, **more})


async def test_it_speaks_for_the_engine_that_the_controller_is_given(
    engine: FakeNodeEngine, hub: Hub
) -> None:
    woken: list[str] = []
    hub.wake = woken.append
    kept = asyncio.create_task(keep_agent(hub, settings(engine), Telemetry()))
    await until(lambda: hub.stoppers() == {"node-1"})
    engine.start_task("c1", "t1")
    await until(lambda: "web-id" in woken)
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)
    assert hub.talking() == set()


@pytest.mark.parametrize(
    "more",
    [
        {"agents": {"here": False}},
        {"orchestrator": {"type": "swarm", "host": "http://gate:1", "token_file": "/token"}},
    ],
)
async def test_it_stays_away_where_it_is_not_wanted_or_has_no_engine(
    engine: FakeNodeEngine, hub: Hub, more: dict[str, object]
) -> None:
    async with asyncio.timeout(120):
        await keep_agent(hub, settings(engine, **more), Telemetry())
    assert hub.talking() == set()


async def test_an_engine_that_does_not_answer_harms_nobody(
    engine: FakeNodeEngine, hub: Hub
) -> None:
    await engine.stop()
    kept = asyncio.create_task(keep_agent(hub, settings(engine), Telemetry()))
    await asyncio.sleep(0.05)
    assert not kept.done()
    await engine.start()
    await until(lambda: hub.talking() == {"node-1"})
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)


async def test_the_log_tells_when_it_is_well_again(
    engine: FakeNodeEngine, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.inside.AGAIN_AFTER", 0.01)
    telemetry, faults = Telemetry(), [ValueError("a fault of the agent's own")]
    inside = process.inside

    async def faulty(*given: Any) -> None:
        if faults:
            raise faults.pop()
        await inside(*given)

    monkeypatch.setattr(process, "inside", faulty)
    with capture_logs() as lines:
        kept = asyncio.create_task(keep_agent(hub, settings(engine), telemetry))
        await until(lambda: hub.talking() == {"node-1"})
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)
    told = [(line["event"], line["where"]) for line in lines if line.get("where") == "agent"]
    assert told == [("failed", "agent"), ("recovered", "agent")]
