"""The API does what its document says, whatever it is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from autoscaler.settings import Api
from autoscaler.testing.builders import a_service
from autoscaler.testing.desk import a_desk, a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.web import build, serve
from autoscaler.web.api import endpoints
from autoscaler.web.api.openapi import describe
from tests.unit.web.api.conftest import POLICY, as_, secret

EXAMPLES = 25
"""Requests that are made up for each operation, beside those at the bounds of its schema."""


class Served:
    """The API on a real socket, in a thread with a loop of its own."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="served")
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with AsyncExitStack() as stack:
            services = [a_service(3), a_service(2, id="db-id", name="db")]
            scene = Scenario(*services, policies=[POLICY], answer=constant(500.0))
            await stack.enter_async_context(scene)
            await scene.cycles(3)
            application = build(a_site(scene, self._api))
            self.port = await stack.enter_async_context(serve(application, "127.0.0.1", 0))
            self._up.set()
            await self._end.wait()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API is."""
    file = tmp_path_factory.mktemp("tokens") / "ann"
    file.write_text(secret("ann"))
    tokens = {"ann": {"file": file, "scopes": ["operate"]}}
    served = Served(Api.model_validate({"tokens": tokens}))
    served.start()
    try:
        yield f"http://127.0.0.1:{served.port}"
    finally:
        served.stop()


async def _document() -> dict[str, Any]:
    async with Scenario() as scene:
        return describe(endpoints(a_desk(scene)), "1")


# The stream of events has no end: `test_events` reads it.
schema = schemathesis.openapi.from_dict(asyncio.run(_document())).exclude(path="/api/v1/events")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_matches_the_document(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, headers=as_("ann"), timeout=30)
