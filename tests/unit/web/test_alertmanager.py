"""The webhook answers when alerts are stored, and is never the reason to send nonsense again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.inbox import Inbox
from autoscaler.model import AlertStatus, Reception
from autoscaler.settings import Api
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.webhook import JSON, START, Hostile, alert, document, webhook
from autoscaler.web import Site, build
from autoscaler.web import alertmanager as under_test
from autoscaler.web.alertmanager import PATHS
from autoscaler.web.bodies import Bodies
from autoscaler.web.problems import Problem

PATH = PATHS[0]
TOKEN = "alerts-of-the-tests"
LOGIN = {"Authorization": f"Bearer {TOKEN}"}
SEED = 20_261_126
Client = TestClient[web.Request, web.Application]


class Broken(SqliteStore):
    """A store that may be told to fail."""

    failure: Exception | None = None

    async def receive(self, *args: Any, **more: Any) -> Sequence[Reception]:
        if self.failure is not None:
            raise self.failure
        return await super().receive(*args, **more)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Broken]:
    store = await Broken.open(tmp_path / "autoscaler.db")
    yield store
    await store.close()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(ManualClock(START))


@pytest.fixture
async def client(store: Broken, telemetry: Telemetry, tmp_path: Path) -> AsyncIterator[Client]:
    (tmp_path / "token").write_text(TOKEN)
    token = {"file": tmp_path / "token", "scopes": ["alerts"]}
    clock = ManualClock(START)
    inbox = Inbox(store, {}, telemetry, clock)
    api = Api.model_validate({"tokens": {"alertmanager": token}})
    ready = (True, "")
    site = Site(telemetry=telemetry, ready=lambda: ready, api=api, inbox=inbox, clock=clock)
    server = TestServer(build(site))
    async with TestClient(server, headers=LOGIN) as client:
        yield client


async def post(
    client: Client, body: bytes, path: str = PATH, **headers: str
) -> tuple[int, dict[str, Any]]:
    async with client.post(path, data=BytesIO(body), headers={**JSON, **headers}) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("path", PATHS)
async def test_each_alert_is_told_what_became_of_it(
    client: Client, store: Broken, path: str
) -> None:
    slow, full = alert("Slow", service="shop_web"), alert("Full", start=START + 7200)
    status, told = await post(client, webhook([slow, full]), path)
    assert status == 200
    assert told["accepted"] == [slow["fingerprint"]]
    assert [each["fingerprint"] for each in told["ignored"]] == [full["fingerprint"]]
    status, told = await post(client, webhook([slow]), path)
    assert (status, told["accepted"], told["duplicate"]) == (200, [], [slow["fingerprint"]])
    (stored,) = await store.alerts()
    assert stored.labels == slow["labels"]
    assert stored.starts_at == START
    assert stored.ends_at is None


async def test_each_alert_is_judged_by_its_own_status(client: Client, store: Broken) -> None:
    mixed = [alert("Slow"), alert("Full", "resolved", start=START - 60, end=START)]
    await post(client, webhook(mixed, status="firing"))
    found = {each.labels["alertname"]: each.status for each in await store.alerts()}
    assert found == {"Slow": AlertStatus.FIRING, "Full": AlertStatus.RESOLVED}


async def test_what_is_not_listed_has_not_ended(client: Client, store: Broken) -> None:
    await post(client, webhook([alert("Slow"), alert("Full")]))
    _, told = await post(client, webhook([alert("Slow")], truncatedAlerts=1))
    assert told["truncated"] == 1
    assert {each.status for each in await store.alerts()} == {AlertStatus.FIRING}


async def test_what_newer_alertmanagers_add_is_passed_over(client: Client) -> None:
    newer = {**alert("Slow"), "novel": {"x": 1}}
    body = webhook([newer], notification_reason="new alerts added", routeLabels={"a": "b"})
    assert (await post(client, body))[0] == 200


async def test_one_alert_that_cannot_be_used_does_not_spoil_the_others(
    client: Client, telemetry: Telemetry
) -> None:
    bad = {**alert("Bad"), "startsAt": "yesterday"}
    with capture_logs() as logs:
        for _ in range(2):
            status, told = await post(client, webhook([bad, alert("Slow")]))
            assert status == 200
            assert told["ignored"][0]["fingerprint"] == bad["fingerprint"]
    assert len(told["accepted"] + told["duplicate"]) == 1
    # Alertmanager does not look at the answer.
    assert [line["event"] for line in logs] == ["alerts ignored"]
    assert b'autoscaler_alerts_received_total{receipt="ignored"} 2.0' in telemetry.render()


async def test_annotations_that_are_too_long_are_left_out(client: Client, store: Broken) -> None:
    long = {**alert("Slow"), "annotations": {"runbook": "x" * 10_000}}
    assert (await post(client, webhook([long])))[0] == 200
    (stored,) = await store.alerts()
    assert stored.annotations == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"text": "a payload of one\'s own"}',
        webhook([alert("Slow")], version="3"),
        webhook([alert("Slow")], version=4),
        webhook([{**alert("Slow"), "fingerprint": "x" * 65}]),
        webhook([{**alert("Slow"), "labels": {"a": "b" * 5000}}]),
        webhook([{**alert("Slow"), "status": "maybe"}]),
        b'{"version": "4", "alerts": [{"labels": {"a": "\\ud800"}}]}',
    ],
)
async def test_what_is_malformed_is_refused_with_a_reason(client: Client, body: bytes) -> None:
    status, told = await post(client, body)
    assert status == 400
    assert told["detail"]
    assert not any(jargon in told["detail"] for jargon in ("Input", "dictionary", "instance"))


async def test_only_json_is_taken_and_nothing_packed(client: Client) -> None:
    body = webhook([alert("Slow")])
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        async with client.post(PATH, data=body, headers={**JSON, **headers}) as answer:
            assert answer.status == 415


async def test_who_shows_no_token_is_refused(client: Client) -> None:
    assert (await post(client, webhook([alert("Slow")]), Authorization="Bearer wrong"))[0] == 401


@pytest.mark.parametrize(
    "failure", [Temporary("the disk is full"), Permanent("read-only"), OutcomeUnknown("late")]
)
async def test_what_could_not_be_stored_is_to_be_sent_again(
    client: Client, store: Broken, failure: Exception
) -> None:
    store.failure = failure
    async with client.post(PATH, data=webhook([alert("Slow")]), headers=JSON) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
    store.failure = None
    assert (await post(client, webhook([alert("Slow")])))[0] == 200


async def test_ten_thousand_alerts_come_in_one_body(client: Client, store: Broken) -> None:
    many = [alert(f"A{number}", service="shop_web") for number in range(10_000)]
    status, told = await post(client, webhook(many))
    assert (status, len(told["accepted"])) == (200, 10_000)
    assert len(await store.alerts()) == 10_000


async def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    body = webhook([alert("Slow", long="x" * 4000) for _ in range(5000)])
    assert len(body) > under_test.LARGEST
    async with client.post(PATH, data=BytesIO(body), headers=JSON) as answer:
        assert answer.status == 413


async def test_it_is_counted_what_became_of_alerts(client: Client, telemetry: Telemetry) -> None:
    await post(client, webhook([alert("Slow"), alert("Slow")]))
    page = telemetry.render().decode()
    assert 'autoscaler_alerts_received_total{receipt="accepted"} 1.0' in page
    assert 'autoscaler_alerts_received_total{receipt="duplicate"} 1.0' in page


class Slow:
    """A handler that reads bodies within limits."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        try:
            async with self._bodies.of(request) as body:
                self.entered.set()
                await self.go_on.wait()
                return web.json_response(len(body))
        except Problem as problem:
            return problem.response()

    async def client(self) -> TestClient[web.Request, web.Application]:
        application = web.Application()
        application.router.add_post("/", self.handle)
        return TestClient(TestServer(application))


async def test_a_sender_that_is_too_slow_is_told_so() -> None:
    slow = Slow(Bodies(1000, 1000, within=0.05))

    async def dribble() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with await slow.client() as client, client.post("/", data=dribble()) as answer:
        assert answer.status == 408


async def test_all_bodies_together_are_bounded_and_room_is_given_back() -> None:
    slow = Slow(Bodies(1000, 1000, within=5))
    async with await slow.client() as client:
        first = asyncio.create_task(_status(client.post("/", data=b"x" * 800)))
        await slow.entered.wait()
        assert await _status(client.post("/", data=b"x" * 300)) == 503
        assert await _status(client.post("/", data=b"x" * 1001)) == 413
        slow.go_on.set()
        assert await first == 200
        assert await _status(client.post("/", data=b"x" * 1000)) == 200


async def _status(asked: Any) -> int:
    answer: ClientResponse = await asked
    async with answer:
        return answer.status


async def test_hostile_bodies_neither_break_it_nor_change_what_is_stored(
    client: Client, store: Broken
) -> None:
    await post(client, webhook([alert("Stays", service="shop_web")]))
    statuses: Counter[int] = Counter()
    for headers, body in Hostile(SEED).bodies(3000):
        async with client.post(PATH, data=body, headers=headers) as answer:
            statuses[answer.status] += 1
            if answer.status == 200:
                await answer.json()
    assert set(statuses) == {200, 400, 415}, statuses
    assert "Stays" in {each.labels.get("alertname") for each in await store.alerts()}
    assert (await post(client, webhook([alert("Slow")])))[0] == 200


def test_hostile_bodies_are_the_same_for_the_same_seed() -> None:
    assert list(Hostile(1).bodies(200)) == list(Hostile(1).bodies(200))
    assert list(Hostile(1).bodies(200)) != list(Hostile(2).bodies(200))


def test_a_document_is_as_alertmanager_writes_it() -> None:
    told = document([alert("Slow", service="shop_web")])
    assert json.loads(webhook(told["alerts"])) == told
