"""The OpenAPI 3.1 document, made of the routes and of the models that they use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from autoscaler.settings import Scope
from autoscaler.web.access import needs
from autoscaler.web.api.endpoint import BASE, Endpoint
from autoscaler.web.problems import CONTENT_TYPE

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
    },
    "required": ["title", "status", "detail"],
}
_REFUSED = {
    "description": "Refused",
    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_NO_PARAMETERS: Mapping[str, Any] = {}


def document_of(endpoints: Sequence[Endpoint], version: str) -> Endpoint:
    """The route that serves the document; it is made once, when somebody asks for it."""

    @needs(Scope.READ)
    async def respond(request: web.Request) -> web.Response:
        return web.Response(text=text(), content_type="application/json")

    own = Endpoint(path="/openapi.json", summary="This document", respond=respond, scope=Scope.READ)
    text = cache(lambda: json.dumps(describe([*endpoints, own], version)))
    return own


def describe(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """The document of some routes."""
    schemas = _Schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(BASE + each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "autoscaler", "version": version, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.definitions, "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "alerts": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()} {endpoint.path}",
        "summary": endpoint.summary,
        "description": f"Needs the scope `{endpoint.scope.value}`.",
        "parameters": [*_in_path(endpoint), *schemas.parameters(endpoint)],
        "responses": {
            str(endpoint.status.value): {
                "description": endpoint.status.phrase,
                "content": {endpoint.media: {"schema": schemas.answer(endpoint)}},
            },
            "4XX": _REFUSED,
            "5XX": _REFUSED,
        },
    }
    if endpoint.scope is Scope.ALERTS:
        told["security"] = [{"token": []}, {"alerts": []}]
    if endpoint.body is not None:
        content = {"application/json": {"schema": schemas.body(endpoint.body)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _in_path(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    for name, schema in endpoint.parameters.items():
        yield {"name": name, "in": "path", "required": True, "schema": schema}


class _Schemas:
    """The schemas of all models, each under its name."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        answers = {each.answer for each in endpoints if each.answer is not None}
        wanted = [(each, "serialization") for each in sorted(answers, key=lambda a: a.__name__)]
        self._answers, made = models_json_schema(wanted, ref_template=_REFERENCE)  # type: ignore[arg-type]
        self.definitions: dict[str, Any] = dict(made.get("$defs", {}))

    def answer(self, endpoint: Endpoint) -> dict[str, Any]:
        """What is answered: for a stream of text, text."""
        if endpoint.media != "application/json":
            return {"type": "string"}
        if endpoint.answer is None:
            return {"type": "object"}
        model: type[BaseModel] = endpoint.answer
        return self._answers[model, "serialization"]

    def body(self, body: TypeAdapter[Any]) -> dict[str, Any]:
        """What is to be told; its own definitions are put beside those of the others."""
        schema = body.json_schema(ref_template=_REFERENCE)
        self.definitions |= schema.pop("$defs", {})
        return schema

    def parameters(self, endpoint: Endpoint) -> Iterable[dict[str, Any]]:
        """What may be asked for."""
        schema = endpoint.query.model_json_schema(ref_template=_REFERENCE)
        for name, each in schema.get("properties", _NO_PARAMETERS).items():
            required = name in schema.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": _stated(each)}


def _stated(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is left out: there is no way to state nothing."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    return {**rest, **choices[0]} if len(choices) == 1 else schema
