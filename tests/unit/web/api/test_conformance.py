"""The API does what its document says, whatever it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection

from autoscaler.settings import Api
from autoscaler.testing.builders import a_service
from autoscaler.testing.desk import a_desk, a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.testing.served import Served
from autoscaler.web import build
from autoscaler.web.api import endpoints
from autoscaler.web.api.openapi import describe
from tests.unit.web.api.conftest import POLICY, as_, secret

EXAMPLES = 25
"""Requests that are made up for each operation, beside those at the bounds of its schema."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API is."""
    file = tmp_path_factory.mktemp("tokens") / "ann"
    file.write_text(secret("ann"))
    api = Api.model_validate({"tokens": {"ann": {"file": file, "scopes": ["operate"]}}})

    @asynccontextmanager
    async def made() -> AsyncIterator[web.Application]:
        services = [a_service(3), a_service(2, id="db-id", name="db")]
        async with Scenario(*services, policies=[POLICY], answer=constant(500.0)) as scene:
            await scene.cycles(3)
            yield build(a_site(scene, api))

    with Served(made) as served:
        yield served.url


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
    # What makes a request wrong may be lost on its way into a URL or a header: such a one is
    # right, and answered. That wrong ones are refused is shown by `test_reading`, `test_orders`.
    case.call_and_validate(
        base_url=address,
        headers=as_("ann"),
        timeout=30,
        excluded_checks=[negative_data_rejection],
    )
