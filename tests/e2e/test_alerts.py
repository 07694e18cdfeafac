"""Prometheus → two Alertmanagers → webhook → one restart on a real engine, whoever is restarted."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autoscaler.testing.real.alertmanager import PrivateAlertmanager, peers, webhook
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus
from deploy.demo.process import Autoscaler

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

LONG = 300.0
"""Seconds that anything may take on a busy machine."""
SLEEP = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"
# An alert that is not sent again for four times this long has ended, says Prometheus.
RESEND = "--rules.alert.resend-delay=30s"


class Bed:
    """A service, the autoscaler that restarts it by an alert, and who raises the alert."""

    def __init__(
        self,
        swarm: PrivateSwarm,
        service: str,
        image: str,
        directory: Path,
        autoscaler: Autoscaler,
    ) -> None:
        self.swarm, self.service, self.autoscaler = swarm, service, autoscaler
        self.rules = directory / "rules.yml"
        self.url = autoscaler.take_alerts()
        options = ["--detach", "--no-resolve-image", f"--name={service}", "--restart-delay=0s"]
        options += ["--update-parallelism=0", "--update-monitor=1s"]
        swarm.docker("service", "create", *options, image, "sh", "-c", SLEEP)
        self.fires(False)

    def fires(self, firing: bool) -> None:
        """What the rule says, once Prometheus has read it."""
        labels = {"service": self.service, "severity": "page"}
        rule = {"alert": "Stuck", "expr": f"vector({int(firing)}) > 0", "labels": labels}
        group = {"name": "tests", "interval": "1s", "rules": [rule]}
        self.rules.write_text(json.dumps({"groups": [group]}))

    def configure(self, alertmanagers: list[str]) -> None:
        """Settings and policy; nothing but what an alert is holds the second restart back."""
        self.autoscaler.ask(*alertmanagers)
        rule = {"rule": "alert", "source": "alertmanager", "match": {"alertname": "Stuck"}}
        rule |= {"service_label": "service", "then": "restart", "cooldown": "1s"}
        rest = {"backoff": "1s", "backoff_max": "1s", "well_after": "1s", "quarantine_after": 100}
        policy = {"name": "alerts", "services": [self.service], "heal": [rule], "disruption": rest}
        document = {"version": 1, "policies": [policy]}
        (self.autoscaler.policies / "alerts.yaml").write_text(json.dumps(document))

    def restarts(self) -> int:
        shown = "--format={{.Spec.TaskTemplate.ForceUpdate}}"
        return int(self.swarm.docker("service", "inspect", shown, self.service))

    def wait_restarts(self, count: int) -> None:
        what = f"restart {count}"
        wait_until(lambda: self.restarts() >= count, timeout=LONG, what=what, every=0.5)

    def page(self, path: str) -> str:
        """A page; empty while there is none."""
        status, text = self.autoscaler.get(path)
        return text if status == 200 else ""

    def received(self) -> float:
        """Alerts that this process of the autoscaler was told."""
        found = re.findall(
            r"^autoscaler_alerts_received_total\{.*\} (\S+)$", self.page("/metrics"), re.MULTILINE
        )
        return sum(map(float, found))

    def passed_at(self) -> float:
        found = re.search(
            r"^autoscaler_pass_last_timestamp_seconds (\S+)$", self.page("/metrics"), re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    def status(self) -> str:
        """What the autoscaler knows of the alert."""
        items = json.loads(self.page("/api/v1/alerts") or '{"items": []}')["items"]
        return items[0]["status"] if items else ""

    def wait_told_again(self) -> None:
        """The alert is told some times more, and passes are made after that."""
        before = self.received()
        wait_until(
            lambda: self.received() >= before + 3, timeout=LONG, what="three more alerts", every=0.5
        )
        told = time.time()
        wait_until(lambda: self.passed_at() > told + 2, timeout=LONG, what="passes", every=0.5)

    def kill(self) -> None:
        process = self.autoscaler.process
        assert process is not None
        process.kill()
        process.wait_ended(30)


@pytest.fixture
def bed(
    swarm: PrivateSwarm, service_name: str, busybox_image: str, tmp_path: Path
) -> Iterator[Bed]:
    with closing(Autoscaler(swarm.host, "http://127.0.0.1:9")) as autoscaler:
        yield Bed(swarm, service_name, busybox_image, tmp_path, autoscaler)


@pytest.fixture
def alertmanagers(
    bed: Bed, alertmanager_server: Callable[..., PrivateAlertmanager]
) -> list[PrivateAlertmanager]:
    """Two of them in a cluster; they repeat themselves all the time."""
    config = webhook(bed.url, repeat="2s", token_file=bed.autoscaler.token)
    both = [alertmanager_server(config, *options) for options in peers(2)]
    bed.configure([each.url for each in both])
    return both


@pytest.fixture
def prometheus(
    bed: Bed,
    alertmanagers: list[PrivateAlertmanager],
    prometheus_server: Callable[..., PrivatePrometheus],
) -> PrivatePrometheus:
    targets = [each.listen_address for each in alertmanagers]
    return prometheus_server(
        {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(bed.rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": targets}]}]},
        },
        RESEND,
    )


def test_an_alert_has_one_effect_through_restarts_of_each(
    bed: Bed, alertmanagers: list[PrivateAlertmanager], prometheus: PrivatePrometheus
) -> None:
    first, second = alertmanagers
    bed.autoscaler.start()
    bed.fires(True)
    prometheus.reload()
    bed.wait_restarts(1)
    bed.wait_told_again()
    assert bed.restarts() == 1

    bed.kill()
    bed.autoscaler.start()
    bed.wait_told_again()
    assert bed.restarts() == 1, "by a restart of the autoscaler"

    prometheus.restart()
    wait_until(lambda: bool(prometheus.query("ALERTS")), timeout=LONG, what="ALERTS", every=0.5)
    bed.wait_told_again()
    assert bed.restarts() == 1, "by a restart of Prometheus"

    first.restart()
    wait_until(lambda: bool(first.alerts()), timeout=LONG, what="the alert", every=0.5)
    second.halt()
    bed.wait_told_again()
    assert bed.restarts() == 1, "by what an Alertmanager tells that was started anew"
    second.revive()

    bed.fires(False)
    prometheus.reload()
    wait_until(lambda: bed.status() == "resolved", timeout=LONG, what="the end", every=0.5)
    bed.fires(True)
    prometheus.reload()
    bed.wait_restarts(2)
    bed.wait_told_again()
    assert bed.restarts() == 2, "the next alert is another"
