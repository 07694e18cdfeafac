"""The document says what the API does; `test_conformance` asks the API itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator

from autoscaler.inbox import Inbox
from autoscaler.settings import Api
from autoscaler.testing.desk import a_desk, a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.webhook import alert, webhook
from autoscaler.web import build
from autoscaler.web.api import endpoints
from autoscaler.web.api.openapi import describe
from tests.unit.web.api.conftest import Client, get


async def test_the_document_names_every_route(scene: Scenario, client: Client) -> None:
    document = await get(client, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    described = {(path, m.upper()) for path, each in document["paths"].items() for m in each}
    served = {
        (route.resource.canonical, route.method)
        for route in client.app.router.routes()
        if route.resource and route.resource.canonical.startswith("/api/v1")
    }
    assert described == served


async def test_the_webhook_is_described_as_it_answers(scene: Scenario, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token-of-the-tests")
    token = {"file": tmp_path / "token", "scopes": ["read", "alerts"]}
    api = Api.model_validate({"tokens": {"teller": token}})
    inbox = Inbox(scene.store, {}, scene.telemetry, scene.clock)
    site = replace(a_site(scene, api), inbox=inbox, clock=scene.clock)
    sent = json.loads(webhook([alert("Slow"), {**alert("Full"), "startsAt": "never"}]))
    head = {"Authorization": "Bearer token-of-the-tests"}
    async with TestClient(TestServer(build(site)), headers=head) as client:
        document = await (await client.get("/api/v1/openapi.json")).json()
        told = document["paths"]["/api/v1/alertmanager"]["post"]
        answer = await client.post("/api/v1/alertmanager", json=sent)
        answered = await answer.json()
    assert told["security"] == [{"token": []}, {"alerts": []}]
    kinds = {key: each["scheme"] for key, each in document["components"]["securitySchemes"].items()}
    assert kinds == {"token": "bearer", "alerts": "basic"}
    schema = told["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answered)
    assert (len(answered["accepted"]), len(answered["ignored"])) == (1, 1)
    body = told["requestBody"]["content"]["application/json"]["schema"]
    good = Draft202012Validator({**body, "components": document["components"]})
    good.validate(sent)
    assert not good.is_valid({**sent, "version": "3"})


async def test_every_schema_is_one_and_every_reference_leads_somewhere(scene: Scenario) -> None:
    document = describe(endpoints(a_desk(scene)), "1")
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    referred = set(re.findall(r"#/components/schemas/([\w.-]+)", str(document)))
    assert referred <= schemas.keys()
    assert len(schemas) > 20


async def test_every_part_of_a_path_is_described(scene: Scenario) -> None:
    document = describe(endpoints(a_desk(scene)), "1")
    for path, methods in document["paths"].items():
        for operation in methods.values():
            told = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path)), path
