"""The API over a small fleet that has been looked at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from autoscaler.settings import Api
from autoscaler.testing.builders import a_metric, a_policy_document, a_service
from autoscaler.testing.desk import a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.web import build

Client = TestClient[web.Request, web.Application]
TOKENS = {"reader": "read", "ann": "operate"}
POLICY = a_policy_document(
    min=2,
    max=20,
    metrics=[a_metric("load", average_value=100)],
    policy={"name": "shop", "services": ["web", "db"]},
)


@pytest.fixture
async def scene() -> AsyncIterator[Scenario]:
    """Two services under a policy, one of which scales, and one without."""
    services = [
        a_service(3),
        a_service(2, id="db-id", name="db"),
        a_service(1, id="other-id", name="other"),
    ]
    async with Scenario(*services, policies=[POLICY], answer=constant(500.0)) as scene:
        yield scene


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """Somebody who may read, and Ann, who may operate."""
    for name in TOKENS:
        (tmp_path / name).write_text(secret(name))
    tokens = {name: {"file": tmp_path / name, "scopes": [s]} for name, s in TOKENS.items()}
    return Api.model_validate({"tokens": tokens})


@pytest.fixture
async def client(scene: Scenario, api: Api) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build(a_site(scene, api)))) as client:
        yield client


def secret(name: str) -> str:
    """A token's text."""
    return f"token-of-{name}-in-tests"


def as_(name: str) -> dict[str, str]:
    """Headers of a caller."""
    return {"Authorization": f"Bearer {secret(name)}"}


async def get(client: Client, place: str, status: int = 200) -> Any:
    """What is answered to somebody who may read."""
    answer = await client.get(f"/api/v1{place}", headers=as_("reader"))
    assert answer.status == status, await answer.text()
    return await answer.json(content_type=None)


async def order(client: Client, body: object, status: int = 202, who: str = "ann") -> Any:
    """What is answered to an order."""
    answer = await client.post("/api/v1/orders", json=body, headers=as_(who))
    assert answer.status == status, await answer.text()
    return await answer.json(content_type=None)
