"""The rules and the route of `config/`, in a real Prometheus and a real Alertmanager."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from autoscaler.model import Decision, Health, Standing
from autoscaler.strict_yaml import parse
from autoscaler.telemetry import Telemetry
from autoscaler.testing.hook import Hook
from autoscaler.testing.real.alertmanager import PrivateAlertmanager
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-test-0123456789"
WITHIN = 180.0

Alertmanagers = Callable[..., PrivateAlertmanager]
Prometheuses = Callable[..., PrivatePrometheus]


def shipped(name: str) -> Any:
    """A file of `config/`, as it is."""
    path = ROOT / "config" / name
    return parse(path.read_text(), str(path)).data


async def until(fits: Callable[[], object]) -> None:
    """Until it is so, asked in a thread."""
    async with asyncio.timeout(WITHIN):
        while not await asyncio.to_thread(fits):  # noqa: ASYNC110 - servers tell nobody
            await asyncio.sleep(0.2)


def a_sick_service() -> Telemetry:
    """What a process shows of a service that healing has given up on."""
    telemetry = Telemetry()
    standing = Standing(state=Health.QUARANTINED, reasons=("3 heals did not last",))
    decision = Decision(
        at=time.time(),
        policy="shop",
        service_id="1",
        service="shop_web",
        current=3,
        wanted=3,
        action=None,
        reason="within bounds",
        health=standing,
    )
    telemetry.decided(decision, news=True, samples={}, bounds=(1, 9))
    telemetry.passed(0.1, 1)
    return telemetry


async def test_a_rule_goes_by_the_programs_own_page_and_its_alert_comes_to_alertmanager(
    prometheus_server: Prometheuses, alertmanager_server: Alertmanagers
) -> None:
    telemetry = a_sick_service()

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=telemetry.render(), content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    nobody = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    alertmanager = await asyncio.to_thread(alertmanager_server, nobody)
    config = {
        **scrape({"autoscaler": [f"127.0.0.1:{runner.addresses[0][1]}"]}),
        "rule_files": [str(ROOT / "config" / "prometheus" / "autoscaler.rules.yml")],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [alertmanager.listen_address]}]}]
        },
    }
    await asyncio.to_thread(prometheus_server, config)
    await until(alertmanager.alerts)
    (alert,) = await asyncio.to_thread(alertmanager.alerts)
    await runner.cleanup()
    assert alert["labels"]["alertname"] == "ServiceQuarantined"
    assert alert["labels"]["service"] == "shop_web"
    assert alert["annotations"]["runbook_url"] == "docs/alerts-runbook.md#servicequarantined"


async def test_the_route_brings_what_is_meant_for_the_autoscaler_to_its_webhook_and_no_more(
    alertmanager_server: Alertmanagers, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    config = shipped("alertmanager/alertmanager.yml")
    (webhook,) = config["receivers"][0]["webhook_configs"]
    async with Hook() as hook:
        webhook["url"] = webhook["url"].replace("http://autoscaler:9095", hook.url)
        webhook["http_config"]["authorization"]["credentials_file"] = str(tmp_path / "token")
        server = await asyncio.to_thread(alertmanager_server, config)
        await asyncio.to_thread(server.fire, alertname="WebSlow", service="other")
        meant = {"alertname": "WebSlow", "service": "shop_web", "autoscale": "true"}
        await asyncio.to_thread(lambda: server.fire(**meant))
        await until(lambda: hook.taken)
    (posted,) = hook.taken
    assert posted.path == "/api/v1/alertmanager"
    assert posted.headers["Authorization"] == f"Bearer {TOKEN}"
    assert [alert["labels"] for alert in posted.body["alerts"]] == [meant]
