"""The document says what the API does; `test_conformance` asks the API itself."""

from __future__ import annotations

import re

from jsonschema import Draft202012Validator

from autoscaler.testing.desk import a_desk
from autoscaler.testing.scenario import Scenario
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
