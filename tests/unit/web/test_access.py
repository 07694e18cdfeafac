"""Who is let in, and who is told why not."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from autoscaler.agent.link import PATH
from autoscaler.hub import Hub
from autoscaler.inbox import Inbox
from autoscaler.model import Happening, Span
from autoscaler.settings import Api, Scope
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.desk import a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.web import Door, build
from autoscaler.web.access import CALLER, needs, rule
from autoscaler.web.credentials import Credentials

Client = TestClient[web.Request, web.Application]
Open = Callable[..., AbstractAsyncContextManager[Client]]
OPEN = {"/healthz", "/readyz", PATH}
"""What asks for no token of the API; the agents' stream asks for its own."""
SECRETS = {
    "reader": "reads-of-the-tests",
    "operator": "operates-of-the-tests",
    "teller": "tells-of-the-tests",
}
PLACES = {"{service}": "web", "{at}": "latest", "{kind}": "pause"}
SCOPES = {"reader": Scope.READ, "operator": Scope.OPERATE, "teller": Scope.ALERTS}
PASSWORD = "password-of-the-tests"


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """A token for each scope, and a password."""
    for name, secret in {**SECRETS, "password": PASSWORD}.items():
        (tmp_path / name).write_text(f"{secret}-old\n{secret}\n")
    tokens = {n: {"file": tmp_path / n, "scopes": [s]} for n, s in SCOPES.items()}
    basic = {"user": "am", "password_file": tmp_path / "password"}
    return Api.model_validate({"tokens": tokens, "basic": basic})


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(ManualClock())


@pytest.fixture
def opened(telemetry: Telemetry, tmp_path: Path) -> Open:
    """A client of the whole application, with a route for each scope beside."""

    @asynccontextmanager
    async def client(api: Api, host: str = "127.0.0.1") -> AsyncIterator[Client]:
        async with Scenario() as scene:
            door = Door(Hub(telemetry, scene.clock, 15.0), tmp_path / "none", telemetry, dict)
            inbox = Inbox(scene.store, {}, telemetry, scene.clock)
            site = replace(a_site(scene, api, host), telemetry=telemetry, door=door, inbox=inbox)
            assert None not in [getattr(site, each.name) for each in fields(site)]
            application = build(site)
            application.add_routes([web.get(f"/api/{s}", _answering(s)) for s in Scope])
            application.add_routes([web.get("/unmarked", _unmarked)])
            async with TestClient(TestServer(application)) as client:
                yield client

    return client


def _answering(scope: Scope) -> Any:
    @needs(scope)
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=request[CALLER].name)

    return handler


async def _unmarked(request: web.Request) -> web.Response:
    return web.Response()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def place_of(route: web.AbstractRoute) -> str:
    """A path that leads to it."""
    place = route.resource.canonical if route.resource else ""
    for part, value in PLACES.items():
        place = place.replace(part, value)
    return place


async def status(client: Client, place: str, headers: dict[str, str] | None = None) -> int:
    return (await client.get(place, headers=headers)).status


@pytest.mark.parametrize("headers", [{}, bearer("x" * 20), bearer(""), basic("am", "x" * 20)])
async def test_every_route_but_the_probes_refuses_who_shows_nothing_or_a_wrong_token(
    opened: Open, api: Api, headers: dict[str, str]
) -> None:
    async with opened(api) as client:
        walked = 0
        for route in client.app.router.routes():
            place = place_of(route)
            if place in OPEN or place == "/unmarked":
                continue
            walked += 1
            answer = await client.request(route.method, place, headers=headers)
            assert answer.status == 401, place
            if route.method != "HEAD":
                assert (await answer.json(content_type=None))["status"] == 401
        assert walked >= 20


async def test_every_route_refuses_a_token_without_its_scope(opened: Open, api: Api) -> None:
    async with opened(api) as client:
        for route in client.app.router.routes():
            asked = rule(route.handler)
            if asked is None or asked.scope is None or route.resource is None:
                continue
            for name, secret in SECRETS.items():
                may = asked.scope in (SCOPES[name], Scope.READ if name == "operator" else None)
                answer = await client.request(route.method, place_of(route), headers=bearer(secret))
                assert (answer.status == 403) is not may, (route, name)


async def test_every_route_says_whom_it_is_for(opened: Open, api: Api) -> None:
    async with opened(api) as client:
        unmarked = [r for r in client.app.router.routes() if rule(r.handler) is None]
        assert [r.resource.canonical for r in unmarked if r.resource] == ["/unmarked"] * 2
        assert await status(client, "/unmarked", bearer(SECRETS["operator"])) == 403


async def test_several_tokens_are_valid_at_once(opened: Open, api: Api) -> None:
    async with opened(api) as client:
        for token in (SECRETS["reader"], f"{SECRETS['reader']}-old"):
            answer = await client.get("/api/read", headers=bearer(token))
            assert await answer.text() == "reader"


async def test_a_token_that_is_taken_out_of_its_file_is_refused(
    api: Api, telemetry: Telemetry
) -> None:
    credentials = Credentials(api, telemetry, read_again=0.0)
    assert await credentials.caller(f"Bearer {SECRETS['reader']}")
    api.tokens["reader"].file.write_text("another-of-the-tests")
    assert not await credentials.caller(f"Bearer {SECRETS['reader']}")
    assert await credentials.caller("Bearer another-of-the-tests")


async def test_a_file_that_is_gone_lets_nobody_in(opened: Open, api: Api) -> None:
    api.tokens["reader"].file.unlink()
    async with opened(api) as client:
        with capture_logs() as lines:
            assert await status(client, "/api/read", bearer(SECRETS["reader"])) == 401
            assert await status(client, "/api/read", bearer(SECRETS["operator"])) == 200
    assert any(str(api.tokens["reader"].file) in str(line.get("error")) for line in lines)


async def test_files_that_are_gone_are_told_of_until_the_last_one_is_back(
    api: Api, telemetry: Telemetry
) -> None:
    told: list[Happening] = []
    telemetry.happenings.subscribe(told.append)
    credentials = Credentials(api, telemetry, read_again=0.0)
    files = [api.tokens[name].file for name in ("reader", "operator")]
    for file in files:
        file.rename(file.with_suffix(".away"))
    await credentials.caller("Bearer none-of-the-tests")
    for file in files:
        await credentials.caller("Bearer none-of-the-tests")
        file.with_suffix(".away").rename(file)
        await credentials.caller("Bearer none-of-the-tests")
    assert [each.span for each in told] == [Span.BEGUN, Span.BEGUN, Span.OVER]


async def test_a_user_with_the_password_may_deliver_alerts_alone(opened: Open, api: Api) -> None:
    async with opened(api) as client:
        assert await status(client, "/api/alerts", basic("am", PASSWORD)) == 200
        assert await status(client, "/api/alerts", basic("am", PASSWORD + "x")) == 401
        assert await status(client, "/api/alerts", basic("ma", PASSWORD)) == 401
        assert await status(client, "/api/read", basic("am", PASSWORD)) == 403
        challenge = (await client.get("/api/alerts")).headers["WWW-Authenticate"]
        assert challenge == 'Bearer, Basic realm="alerts"'


@pytest.mark.parametrize("shown", ["Basic !!", "Basic /w==", "Basic", "Digest x", "é", "Bearer é"])
async def test_what_is_no_credential_is_nobodys(opened: Open, api: Api, shown: str) -> None:
    async with opened(api) as client:
        assert await status(client, "/api/alerts", {"Authorization": shown}) == 401


async def test_without_credentials_this_machine_may_read(opened: Open) -> None:
    async with opened(Api()) as client:
        assert await status(client, "/api/read") == 200
        assert await status(client, "/metrics") == 200
        for scope in ("operate", "alerts"):
            answer = await client.get(f"/api/{scope}")
            assert answer.status == 403
            assert "api.tokens" in (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize(
    ("host", "told"), [("127.0.0.1", "this machine may read"), ("0.0.0.0", "/api is closed")]
)
async def test_the_log_says_what_follows_from_having_no_credentials(
    opened: Open, host: str, told: str
) -> None:
    with capture_logs() as lines:
        async with opened(Api(), host):
            pass
    assert [line["event"] for line in lines] == ["no credentials"]
    assert told in lines[0]["detail"]


async def test_a_page_that_leads_its_own_name_here_may_not(opened: Open) -> None:
    async with opened(Api()) as client:
        for host in ("evil.example", "evil.example:9095", "a b", "[::"):
            assert await status(client, "/api/read", {"Host": host}) in (400, 403)
        for host in ("localhost", "localhost:1", "[::1]:9095", "127.0.0.2"):
            assert await status(client, "/api/read", {"Host": host}) == 200


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "controller"])
async def test_without_credentials_others_are_told_what_to_do(opened: Open, host: str) -> None:
    async with opened(Api(), host) as client:
        answer = await client.get("/api/read")
        assert answer.status == 403
        assert "api.tokens" in (await answer.json(content_type=None))["detail"]
        assert await status(client, "/metrics") == 200


async def test_refusals_are_counted_and_told_once_in_a_while(
    opened: Open, api: Api, telemetry: Telemetry
) -> None:
    async with opened(api) as client:
        with capture_logs() as lines:
            for _ in range(5):
                await client.get("/api/read", headers=bearer("wrong-of-the-tests"))
    assert [line["reason"] for line in lines] == ["wrong"]
    assert "wrong-of-the-tests" not in json.dumps(lines)
    assert b'autoscaler_api_refusals_total{reason="wrong"} 5.0' in telemetry.render()


@pytest.mark.parametrize(
    ("method", "place", "code"), [("GET", "/no", 404), ("PUT", "/metrics", 405)]
)
async def test_what_is_not_there_is_a_problem_too(
    opened: Open, api: Api, method: str, place: str, code: int
) -> None:
    async with opened(api) as client:
        answer = await client.request(method, place)
        assert (answer.status, answer.content_type) == (code, "application/problem+json")
        assert (await answer.json(content_type=None))["status"] == code
        assert ("Allow" in answer.headers) is (code == 405)
