"""The model of an Alertmanager sends, repeats and lists as a real one does."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from autoscaler.testing.alertmanager import Member, Route
from autoscaler.testing.engine.bed import eventually
from autoscaler.testing.hook import Hook
from autoscaler.testing.real.alertmanager import PrivateAlertmanager, webhook

Document = dict[str, Any]
Start = Callable[..., PrivateAlertmanager]
LABELS = {"alertname": "Slow", "service": "shop_web"}
NEWER = {"notification_reason", "routeLabels"}
"""What some versions add."""


@dataclass
class Bed:
    """An Alertmanager that sends to a hook."""

    url: str
    hook: Hook

    async def raise_(self, *alerts: Document) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/v2/alerts", json=alerts) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def listed(self) -> list[Document]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v2/alerts") as answer,
        ):
            return list(json.loads(await answer.text()))

    async def told(self, count: int) -> list[Document]:
        """What was taken, once there is so much of it."""

        async def enough() -> bool:
            return len(self.hook.taken) >= count

        await eventually(enough)
        return [posted.body for posted in self.hook.taken]


@asynccontextmanager
async def modelled(hook: Hook) -> AsyncIterator[str]:
    route = Route(hook.url, group_wait=0.2, group_interval=0.2)
    member = Member(route, time.time, random.Random(1))
    runner = web.AppRunner(member.application(), shutdown_timeout=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    member.stop()
    await runner.cleanup()


@pytest.fixture(params=["model", pytest.param("real", marks=pytest.mark.swarm)])
async def bed(request: pytest.FixtureRequest) -> AsyncIterator[Bed]:
    async with Hook() as hook:
        if request.param == "model":
            async with modelled(hook) as url:
                yield Bed(url, hook)
        else:
            start: Start = request.getfixturevalue("alertmanager_server")
            server = await asyncio.to_thread(start, webhook(hook.url))
            yield Bed(server.url, hook)


async def test_a_notice_has_these_fields_and_an_alert_those(bed: Bed) -> None:
    notes = {"summary": "it is slow 🐌"}
    start = "2026-01-02T03:04:05.678Z"
    stated = {"annotations": notes, "startsAt": start, "generatorURL": "http://prometheus/graph"}
    await bed.raise_({"labels": LABELS, **stated})
    (notice,) = await bed.told(1)
    assert notice.keys() - NEWER == {
        *("receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations"),
        *("externalURL", "version", "groupKey", "truncatedAlerts"),
    }
    assert notice["groupKey"] == '{}:{alertname="Slow", service="shop_web"}'
    assert (notice["receiver"], notice["status"], notice["version"]) == ("webhook", "firing", "4")
    assert notice["groupLabels"] == notice["commonLabels"] == LABELS
    assert notice["commonAnnotations"] == notes
    assert notice["truncatedAlerts"] == 0
    assert notice["alerts"] == [
        {
            "status": "firing",
            "labels": LABELS,
            **stated,
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": notice["alerts"][0]["fingerprint"],
        }
    ]


async def test_a_fingerprint_is_this_hash_of_the_labels_alone(bed: Bed) -> None:
    await bed.raise_({"labels": LABELS, "annotations": {"summary": "any"}})
    (notice,) = await bed.told(1)
    assert notice["alerts"][0]["fingerprint"] == "72593b67844f3ff3"


async def test_the_list_has_these_fields(bed: Bed) -> None:
    await bed.raise_({"labels": LABELS})
    (notice,) = await bed.told(1)
    (listed,) = await bed.listed()
    assert listed.keys() - {"generatorURL"} == {
        *("annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status"),
        *("updatedAt", "labels"),
    }
    assert listed["status"] == {"inhibitedBy": [], "silencedBy": [], "state": "active"}
    assert listed["receivers"] == [{"name": "webhook"}]
    assert listed["fingerprint"] == notice["alerts"][0]["fingerprint"]
    assert listed["labels"] == LABELS


async def test_its_end_is_told_once_and_takes_it_off_the_list(bed: Bed) -> None:
    start = "2026-01-02T03:04:05.678Z"
    await bed.raise_({"labels": LABELS, "startsAt": start})
    await bed.told(1)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    await bed.raise_({"labels": LABELS, "startsAt": start, "endsAt": now})
    (_, ended) = await bed.told(2)
    (alert,) = ended["alerts"]
    assert (ended["status"], alert["status"]) == ("resolved", "resolved")
    assert alert["endsAt"].startswith(now[:-1])
    assert alert["startsAt"] == start
    assert await bed.listed() == []


async def test_one_that_is_told_again_while_it_fires_is_not_sent_again(bed: Bed) -> None:
    await bed.raise_({"labels": LABELS})
    await bed.told(1)
    await bed.raise_({"labels": LABELS})
    await bed.raise_({"labels": {**LABELS, "alertname": "Full"}})
    names = [each["alerts"][0]["labels"]["alertname"] for each in await bed.told(2)]
    assert names == ["Slow", "Full"]


@pytest.mark.parametrize("status", [500, 503, 400, 404, 429])
async def test_what_was_not_taken_is_sent_again(bed: Bed, status: int) -> None:
    """After an error of the server within seconds; after a refusal at the next look."""

    async def refused_twice() -> bool:
        return bed.hook.refused >= 2

    with bed.hook.answering(status):
        await bed.raise_({"labels": LABELS})
        await eventually(refused_twice)
    (notice,) = await bed.told(1)
    assert notice["alerts"][0]["labels"] == LABELS


async def test_one_that_ends_before_it_was_told_is_never_told(bed: Bed) -> None:
    ended = {"startsAt": "2026-01-02T03:04:05Z", "endsAt": "2026-01-02T03:05:05Z"}
    await bed.raise_({"labels": LABELS, **ended})
    await bed.raise_({"labels": {**LABELS, "alertname": "Full"}})
    (notice,) = await bed.told(1)
    assert notice["alerts"][0]["labels"]["alertname"] == "Full"
