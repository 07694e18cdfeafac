"""What the probes answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from autoscaler.telemetry import Telemetry
from autoscaler.web import Site, build, probes


class Part:
    """Something that is not ready yet."""

    def __init__(self) -> None:
        self.answer = (False, "the fleet has not been observed yet")

    def __call__(self) -> tuple[bool, str]:
        return self.answer


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
async def client(
    telemetry: Telemetry, part: Part
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(build(Site(telemetry=telemetry, ready=part)))) as client:
        yield client


Client = TestClient[web.Request, web.Application]


async def test_metrics_are_in_the_text_format(client: Client, telemetry: Telemetry) -> None:
    telemetry.passed(0.1, 7)
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "autoscaler_pass_services 7.0\n" in await answer.text()


async def test_not_ready_says_what_is_missing(client: Client, part: Part) -> None:
    answer = await client.get("/readyz")
    assert (answer.status, await answer.text()) == (503, "the fleet has not been observed yet\n")
    part.answer = (True, "ready")
    answer = await client.get("/readyz")
    assert (answer.status, await answer.text()) == (200, "ready\n")


async def test_alive_does_not_mean_ready(client: Client) -> None:
    assert (await client.get("/healthz")).status == 200


async def test_a_loop_that_hardly_turns_is_not_alive(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "LONGEST_TURN", 0.02)
    hogging = asyncio.create_task(hog())
    answers = [(await client.get("/healthz")).status for _ in range(3)]
    hogging.cancel()
    assert 503 in answers


async def hog() -> None:
    """Leave the loop to others for one turn at a time only."""
    while True:
        time.sleep(0.03)  # noqa: ASYNC251
        await asyncio.sleep(0)


async def test_probes_change_nothing_and_are_never_cached(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
    for path in ("/metrics", "/healthz", "/readyz"):
        assert (await client.post(path)).status == 405
    assert (await client.get("/")).status == 404


async def test_a_slow_scrape_does_not_hold_up_the_others(
    client: Client, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def render() -> bytes:
        over.wait(120)
        return b""

    monkeypatch.setattr(telemetry, "render", render)
    scrape = asyncio.create_task(client.get("/metrics"))
    await asyncio.sleep(0.05)
    assert (await client.get("/healthz")).status == 200
    assert not scrape.done()
    over.set()
    assert (await scrape).status == 200
