"""What happens is an alert in a real Alertmanager, and is resolved when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from autoscaler.model import HappeningKind, Span
from autoscaler.notifications import Delivery
from autoscaler.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerSettings
from autoscaler.telemetry import Telemetry
from autoscaler.testing.contracts.notifier import a_happening
from autoscaler.testing.real.alertmanager import PrivateAlertmanager

CONFIG = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
URL = "https://autoscaler.example"
WITHIN = 180.0

Start = Callable[..., PrivateAlertmanager]


@asynccontextmanager
async def delivering(*urls: str) -> AsyncIterator[Delivery]:
    """A notifier at work for these servers."""
    settings = AlertmanagerSettings.model_validate(
        {"urls": urls, "group_wait": "100ms", "repeat": "5s", "labels": {"cluster": "test"}}
    )
    notifier = AlertmanagerNotifier(settings)
    delivery = Delivery("am", notifier, Telemetry(), time.time, URL)
    work = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        work.cancel()
        await notifier.close()


async def until(server: PrivateAlertmanager, fits: Callable[[list[Any]], bool]) -> list[Any]:
    """The alerts of a server, as soon as they are as they shall be."""
    async with asyncio.timeout(WITHIN):
        while not fits(alerts := await asyncio.to_thread(server.alerts)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return alerts


async def test_what_lasts_is_an_alert_until_it_is_over(alertmanager_server: Start) -> None:
    server = alertmanager_server(CONFIG)
    now = time.time()
    async with delivering(server.url) as delivery:
        delivery.put(a_happening(at=now, decided_at=now))
        (alert,) = await until(server, bool)
        assert alert["labels"] == {
            "alertname": "AutoscalerQuarantined",
            "severity": "critical",
            "service": "shop_web",
            "policy": "shop",
            "about": "quarantined",
            "cluster": "test",
        }
        link = f"{URL}/api/v1/services/shop_web/decisions/{now!r}"
        assert alert["generatorURL"] == link
        assert alert["annotations"] == {"summary": "3 heals did not last", "decision": link}
        told_again = alert["endsAt"]
        await until(server, lambda alerts: bool(alerts) and alerts[0]["endsAt"] > told_again)
        delivery.put(a_happening("no longer quarantined", at=time.time(), span=Span.OVER))
        await until(server, lambda alerts: not alerts)


async def test_a_moment_is_an_alert_for_a_while(alertmanager_server: Start) -> None:
    server = alertmanager_server(CONFIG)
    kind = HappeningKind.SCALED
    moment = a_happening("scale 2 -> 4", at=time.time(), kind=kind, span=Span.MOMENT)
    async with delivering(server.url) as delivery:
        delivery.put(a_happening(at=time.time()))
        delivery.put(moment)
        alerts = await until(server, lambda alerts: len(alerts) == 2)
    names = {alert["labels"]["alertname"] for alert in alerts}
    assert names == {"AutoscalerQuarantined", "AutoscalerScaled"}


async def test_one_server_of_two_is_enough(alertmanager_server: Start) -> None:
    first, second = alertmanager_server(CONFIG), alertmanager_server(CONFIG)
    async with delivering(first.url, second.url) as delivery:
        delivery.put(a_happening(at=time.time()))
        await until(first, bool)
        await until(second, bool)
        first.stop()
        delivery.put(a_happening(at=time.time(), service="shop_db"))
        await until(second, lambda alerts: len(alerts) == 2)
