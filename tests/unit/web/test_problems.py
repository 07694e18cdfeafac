"""Errors as problems: what is wrong is told, and nothing that is nobody's business."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from autoscaler.errors import Gone, Invalid, Permanent, Temporary
from autoscaler.model import Happening, Span
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import NOW
from autoscaler.web.problems import CONTENT_TYPE, problems

Client = TestClient[web.Request, web.Application]
ERRORS = {
    "temporary": Temporary("the store is locked"),
    "gone": Gone("the service is gone"),
    "invalid": Invalid("the last record of web cannot be read"),
    "permanent": Permanent("the store http://user:canary@host is damaged"),
    "fault": ValueError("canary"),
    "moved": web.HTTPFound("/elsewhere"),
}


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(lambda: NOW)


@pytest.fixture
async def client(telemetry: Telemetry) -> AsyncIterator[Client]:
    faults = {"fault": 2}

    async def fail(request: web.Request) -> web.Response:
        raise ERRORS[request.match_info["kind"]]

    async def recover(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        faults[kind] -= 1
        if faults[kind] >= 0:
            raise ERRORS[kind]
        return web.Response()

    async def fine(request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application(middlewares=[problems(telemetry)])
    application.add_routes([web.get("/fail/{kind}", fail), web.get("/recover/{kind}", recover)])
    application.add_routes([web.get("/fine", fine)])
    async with TestClient(TestServer(application)) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "status", "detail"),
    [
        ("temporary", 503, "the store is locked"),
        ("gone", 404, "the service is gone"),
        ("invalid", 500, "the last record of web cannot be read"),
        ("permanent", 500, "the store http://***@host is damaged"),
        ("fault", 500, "a fault of ours; the log tells of it"),
    ],
)
async def test_an_error_is_a_problem_with_what_to_know(
    client: Client, kind: str, status: int, detail: str
) -> None:
    answer = await client.get(f"/fail/{kind}")
    assert (answer.status, answer.content_type) == (status, CONTENT_TYPE)
    told = await answer.json(content_type=None)
    assert (told["status"], told["detail"]) == (status, detail)
    assert ("Retry-After" in answer.headers) is (status == 503)


async def test_a_fault_of_ours_is_counted(client: Client, telemetry: Telemetry) -> None:
    await client.get("/fail/fault")
    assert b'autoscaler_errors_total{where="api"} 1.0' in telemetry.render()


async def test_that_a_route_fails_is_told_once_until_it_answers_again(
    client: Client, telemetry: Telemetry
) -> None:
    told: list[Happening] = []
    telemetry.happenings.subscribe(told.append)
    for place in ("/recover/fault", "/fine", "/recover/fault", "/fine", "/recover/fault", "/fine"):
        await client.get(place)
    assert [(each.about, each.span) for each in told] == [
        ("api", Span.BEGUN),
        ("api", Span.OVER),
    ]


async def test_what_is_no_error_passes(client: Client) -> None:
    answer = await client.get("/fail/moved", allow_redirects=False)
    assert answer.status == 302
