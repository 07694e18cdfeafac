"""`status` begins with whether passes are made, and if not, why."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from autoscaler.errors import AutoscalerError, Temporary
from autoscaler.settings import Api
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.desk import a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.served import Served
from autoscaler.web import build
from tests.unit.cli.conftest import STORE, Call

SILENCE = "no answer from unix:///run/docker.sock: connection refused."
HERE = "AUTOSCALER_LISTEN"


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HERE, "127.0.0.1:1")


def pass_made(at: float) -> None:
    async def fill() -> None:
        store = await SqliteStore.open(STORE)
        await store.record(at=at)
        await store.close()

    asyncio.run(fill())


Then = Callable[[Scenario], Awaitable[object]]


def served(then: Then, ago: float = 0.0) -> Served:
    """A service that made a pass so many seconds ago, and what came `then`."""

    @asynccontextmanager
    async def made() -> AsyncIterator[web.Application]:
        clock = ManualClock(time.time() - ago - 15.0)
        store = await SqliteStore.open(STORE)
        policies = [a_policy_document(policy={"services": ["web"]})]
        async with Scenario(a_service(3), policies=policies, store=store, clock=clock) as scene:
            await scene.cycle()
            await then(scene)
            yield build(a_site(scene, Api()))

    return Served(made)


async def nothing(scene: Scenario) -> None:
    """All is well."""


async def a_pass_fails(scene: Scenario) -> None:
    try:
        await scene.cycle(1.0)
    except AutoscalerError as error:
        scene.telemetry.error("cycle", error)


async def the_engine_goes(scene: Scenario) -> None:
    scene.swarm.fault = Temporary(SILENCE)
    await a_pass_fails(scene)


async def the_store_goes(scene: Scenario) -> None:
    await scene.store.close()
    await a_pass_fails(scene)


def first_line(call: Call, *words: str) -> str:
    lines: list[str] = call("status", *words).output.splitlines()
    return lines[0]


@pytest.mark.parametrize(
    ("ago", "line"),
    [
        (12, r"last pass [1-5]\ds ago"),
        (300, r"no pass for [5-9]m: is `autoscaler run` running, with this store\?"),
    ],
)
def test_where_no_service_answers_the_store_tells_of_the_last_pass(
    call: Call, ago: float, line: str
) -> None:
    pass_made(time.time() - ago)
    assert re.fullmatch(line, first_line(call))


def test_beside_json_only_that_something_is_wrong_is_told(call: Call) -> None:
    pass_made(time.time() - 12)
    assert call("status", "--json").stderr == ""
    pass_made(time.time() - 300)
    assert "is `autoscaler run` running" in call("status", "--json").stderr


def test_a_service_that_answers_says_when_its_last_pass_was(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(nothing) as service:
        assert re.fullmatch(r"last pass \d+s ago", first_line(call, "--url", service.url))
        monkeypatch.setenv(HERE, service.url.removeprefix("http://"))
        assert re.fullmatch(r"last pass \d+s ago", first_line(call))


def test_a_service_that_cannot_see_the_cluster_says_since_when_and_why(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(the_engine_goes, ago=620) as service:
        assert first_line(call, "--url", service.url) == f"blind for 10m: {SILENCE}"
        monkeypatch.setenv(HERE, service.url.removeprefix("http://"))
        assert first_line(call) == f"blind for 10m: {SILENCE}"
        assert call("status", "--json").stderr.startswith("blind for 10m")


def test_a_service_that_sees_and_cannot_store_is_not_called_blind(call: Call) -> None:
    with served(the_store_goes, ago=620) as service:
        assert first_line(call, "--url", service.url).startswith("no pass for 10m: the store")


def test_of_another_store_the_service_on_this_machine_knows_nothing(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(the_engine_goes, ago=620) as service:
        monkeypatch.setenv(HERE, service.url.removeprefix("http://"))
        assert "is `autoscaler run` running" in first_line(call, "--store", STORE)


def test_what_has_never_passed_is_told(call: Call) -> None:
    pass_made(0)
    with sqlite3.connect(STORE) as store:
        store.execute("delete from passed")
    assert first_line(call).startswith("no pass has been made yet")
