"""A route, with what it takes and what it answers: it is served, and described, from the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from autoscaler import complaints
from autoscaler.problems import path_text
from autoscaler.redaction import redacted
from autoscaler.settings import Scope
from autoscaler.strict import Strict
from autoscaler.strict_yaml import Document
from autoscaler.web.access import CALLER, needs
from autoscaler.web.bodies import Bodies
from autoscaler.web.credentials import Caller
from autoscaler.web.problems import Handler, Problem

BASE = "/api/v1"
LARGEST, TOGETHER, WITHIN = 64 * 1024, 1024 * 1024, 10.0
"""Bytes of one body and of all that are read at a time, seconds in which one must have come."""
FRESH = {"Cache-Control": "no-store"}


class Answer(BaseModel):
    """What is answered; its schema is the documentation."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="null",
        hide_input_in_errors=True,
    )


class Nothing(Strict):
    """No query at all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was let in and understood."""

    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route of the API."""

    path: str
    """Below `/api/v1`."""
    summary: str
    respond: Handler
    """Marked with the scope that it needs."""
    scope: Scope
    method: str = "GET"
    query: type[Strict] = Nothing
    body: TypeAdapter[Any] | None = None
    answer: type[BaseModel] | None = None
    """None for what is no JSON, or a JSON document of its own."""
    media: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The schema of each parameter in the path."""

    def route(self) -> web.RouteDef:
        """The route; HEAD is not served beside GET."""
        extra: dict[str, Any] = {"allow_head": False} if self.method == "GET" else {}
        return web.route(self.method, BASE + self.path, self.respond, **extra)


def endpoint(
    handler: Callable[[Asked], Awaitable[Answer]],
    *,
    scope: Scope = Scope.READ,
    query: type[Strict] = Nothing,
    body: TypeAdapter[Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    parameters: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    **described: Any,
) -> Endpoint:
    """A route that takes what its models say and answers JSON; `described` as Endpoint has it."""

    bodies = Bodies(LARGEST, TOGETHER, WITHIN)

    @needs(scope)
    async def respond(request: web.Request) -> web.Response:
        path = _path(parameters, request)
        stated = _query(query, request)
        told = None if body is None else await _body(body, request, bodies)
        answer = await handler(Asked(request[CALLER], path, stated, told))
        # A large answer takes a while: in a thread nobody waits for it but who asked.
        text = await asyncio.to_thread(_told, answer)
        return web.Response(
            text=text, status=status, headers=FRESH, content_type="application/json"
        )

    return Endpoint(
        respond=respond,
        scope=scope,
        query=query,
        body=body,
        status=status,
        parameters=parameters,
        **described,
    )


def _told(answer: Answer) -> str:
    return json.dumps(redacted(json.loads(answer.model_dump_json())))


def _path(parameters: Mapping[str, Mapping[str, Any]], request: web.Request) -> dict[str, str]:
    """What cannot be there is not there."""
    path = dict(request.match_info)
    for name, schema in parameters.items():
        if not re.fullmatch(schema["pattern"], path[name]):
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no {name} {path[name][:100]!r}")
    return path


def _query(model: type[Strict], request: web.Request) -> Strict:
    stated = dict(request.query)
    if len(stated) < len(request.query):
        raise Problem(HTTPStatus.BAD_REQUEST, "a parameter is stated twice")
    try:
        return model.model_validate(stated)
    except ValidationError as error:
        raise _invalid(error, stated) from error


async def _body(model: TypeAdapter[Any], request: web.Request, bodies: Bodies) -> Any:
    packed = request.headers.get("Content-Encoding", "identity") != "identity"
    if packed or request.content_type != "application/json":
        told = "send application/json, not packed"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told, {"Connection": "close"})
    async with bodies.of(request) as text:
        try:
            return model.validate_json(text, strict=True)
        except ValidationError as error:
            raise _invalid(error, _data(text)) from error


def _data(text: bytes | bytearray) -> Any:
    """As far as it can be read: what is wrong is looked for in it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _invalid(error: ValidationError, data: Any) -> Problem:
    found = complaints.problems(error, Document("", data), show=False)
    told = [f"{path_text(each.path)}: {each.message}".removeprefix(": ") for each in found]
    return Problem(HTTPStatus.BAD_REQUEST, "; ".join(told[:20]))
