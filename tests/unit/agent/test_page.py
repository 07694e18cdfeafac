"""What an agent shows to Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from autoscaler.agent import page
from autoscaler.agent.measuring import Measuring
from autoscaler.agent.node import LocalNode
from autoscaler.settings import Agent
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.docker_statistics import steady
from autoscaler.testing.node_engine import FakeNodeEngine

Client = TestClient[Request, Application]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeNodeEngine]:
    async with FakeNodeEngine(tmp_path / "docker.sock") as engine:
        yield engine


@pytest.fixture
async def client(engine: FakeNodeEngine) -> AsyncIterator[Client]:
    clock = ManualClock()
    settings = Agent(host=engine.host)
    node = LocalNode(settings, clock)
    measuring = Measuring(node, settings, clock)
    work = [asyncio.ensure_future(each) for each in (node.run(), measuring.run())]
    async with TestClient(TestServer(page.application(node, measuring, "one"))) as client:
        yield client
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await measuring.close()
    await node.close()


async def until(client: Client, condition: Callable[[str], bool]) -> str:
    async with asyncio.timeout(120):
        while not condition(text := await (await client.get("/metrics")).text()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return text


async def test_cpu_and_memory_of_each_task(engine: FakeNodeEngine, client: Client) -> None:
    engine.frames["c1"] = steady(cores=0.5, memory=1234)
    engine.start_task("c1", "t1")
    text = await until(client, lambda text: "autoscaler_task_memory_bytes{" in text)
    labels = 'node="one",service="web",task="web.1.t1"'
    assert f"autoscaler_task_memory_bytes{{{labels}}} 1234.0" in text
    assert f"autoscaler_task_cpu_seconds_total{{{labels}}} 110.0" in text


async def test_ends_want_of_memory_and_restarts_are_counted_by_service(
    engine: FakeNodeEngine, client: Client
) -> None:
    engine.start_task("c1", "t1")
    await until(client, lambda _: engine.lists > 0 and engine.streams == 1)
    engine.happen("c1", "oom")
    engine.happen("c1", "restart")
    for code in (137, 137, 1):
        engine.start_task("c1", "t1")
        engine.end("c1", exit_code=code)
    text = await until(client, lambda text: 'exit_code="1"' in text)
    where = 'node="one",service="web"'
    assert f"autoscaler_task_oom_total{{{where}}} 1.0" in text
    assert f"autoscaler_task_restarts_total{{{where}}} 1.0" in text
    assert f'autoscaler_task_exits_total{{exit_code="137",{where}}} 2.0' in text


async def test_a_container_that_was_never_listed_counts_under_its_services_name(
    engine: FakeNodeEngine, client: Client
) -> None:
    engine.start_task("c1", "t1", "brief-id")
    engine.end("c1", exit_code=3)
    text = await until(client, lambda text: 'exit_code="3"' in text)
    assert 'autoscaler_task_exits_total{exit_code="3",node="one",service="brief"} 1.0' in text


async def test_the_health_of_each_task_that_has_a_check(
    engine: FakeNodeEngine, client: Client
) -> None:
    engine.start_task("c1", "t1")
    engine.start_task("c2", "t2")
    engine.set_health("c1", "unhealthy")
    text = await until(client, lambda text: 'state="unhealthy"' in text)
    labels = 'node="one",service="web",state="{}",task="web.1.t1"'
    assert f"autoscaler_task_health{{{labels.format('unhealthy')}}} 1.0" in text
    assert f"autoscaler_task_health{{{labels.format('healthy')}}} 0.0" in text
    assert 'task="web.1.t2"' not in text


async def test_it_is_alive_once_the_engine_has_answered(
    engine: FakeNodeEngine, client: Client
) -> None:
    await until(client, lambda _: engine.lists > 0)
    async with asyncio.timeout(120):
        while (await client.get("/healthz")).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_engine_that_never_answered_is_told(tmp_path: Path) -> None:
    settings = Agent(host=f"unix://{tmp_path}/nowhere.sock")
    node = LocalNode(settings, ManualClock())
    measuring = Measuring(node, settings, ManualClock())
    application = page.application(node, measuring, "one")
    async with TestClient(TestServer(application)) as client:
        answer = await client.get("/healthz")
        assert (answer.status, await answer.text()) == (503, "the engine has not answered yet\n")
    await measuring.close()
    await node.close()
