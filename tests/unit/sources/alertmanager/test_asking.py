"""Alertmanagers are asked what fires; one that is dead does no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from autoscaler.errors import Temporary
from autoscaler.model import AlertStatus
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.testing.clock import ManualClock

DEAD = "http://127.0.0.1:1"
LISTED = {
    "fingerprint": "0123456789abcdef",
    "labels": {"alertname": "Slow", "service": "shop_web"},
    "annotations": {},
    "startsAt": "2023-11-14T22:00:00.123456789Z",
    "endsAt": "2023-11-14T22:17:00Z",
    "updatedAt": "2023-11-14T22:13:00Z",
    "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    "receivers": [{"name": "autoscaler"}],
}


class Alertmanager:
    """Answers with what it is given, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[], web.Response] = lambda: web.json_response([LISTED])
        self.asked: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return self.answer()


@pytest.fixture
def alertmanager() -> Alertmanager:
    return Alertmanager()


@pytest.fixture
async def url(alertmanager: Alertmanager) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/am/api/v2/alerts", alertmanager.handle)
    async with TestServer(application) as server:
        yield str(server.make_url("/am"))


def source(*urls: str, **settings: Any) -> AlertmanagerSource:
    checked = AlertmanagerSource.Settings.model_validate({"urls": urls, **settings})
    return AlertmanagerSource(checked, ManualClock(1_700_000_000.0))


async def test_what_fires_is_told_whole(url: str, alertmanager: Alertmanager) -> None:
    (alert,) = await source(url, receiver="autoscaler").firing_alerts() or ()
    assert alert.fingerprint == "0123456789abcdef"
    assert alert.status is AlertStatus.FIRING
    assert alert.labels == LISTED["labels"]
    assert alert.starts_at == pytest.approx(1699999200.123456)
    assert alert.ends_at is None
    assert alert.received_at == 1_700_000_000.0
    asked = dict(alertmanager.asked[0].query)
    assert asked.pop("receiver") == "autoscaler"
    assert {key for key, wanted in asked.items() if wanted == "true"} == {"active", "unprocessed"}


async def test_one_that_answers_is_enough(url: str) -> None:
    assert len(await source(DEAD, url, url).firing_alerts() or ()) == 1


async def test_with_nobody_to_ask_nothing_is_known() -> None:
    assert await source().firing_alerts() is None


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=503),
        lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
        lambda: web.json_response({"alerts": []}),
        lambda: web.json_response([{**LISTED, "startsAt": "now"}]),
        lambda: web.Response(body=b"[" * 100_000),
        lambda: web.Response(body=b"[" + b" " * 5000),
    ],
)
async def test_an_answer_that_is_none_is_no_answer(
    url: str, alertmanager: Alertmanager, answer: Callable[[], web.Response]
) -> None:
    alertmanager.answer = answer
    with pytest.raises(Temporary):
        await source(url, max_body=4096).firing_alerts()


async def test_nobody_who_answers_is_an_error_that_may_pass() -> None:
    with pytest.raises(Temporary, match="no Alertmanager tells what fires"):
        await source(DEAD).firing_alerts()


async def test_a_login_is_read_from_its_file(
    url: str, alertmanager: Alertmanager, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("secret-of-the-tests\n")
    await source(url, bearer_token_file=tmp_path / "token").firing_alerts()
    await source(url, username="me", password_file=tmp_path / "token").firing_alerts()
    shown = [request.headers["Authorization"] for request in alertmanager.asked]
    assert shown == ["Bearer secret-of-the-tests", "Basic bWU6c2VjcmV0LW9mLXRoZS10ZXN0cw=="]
    with pytest.raises(Temporary, match="cannot read"):
        await source(url, bearer_token_file=tmp_path / "none").firing_alerts()
