"""What rules find on a real engine, and that their cure is done once, by the real process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import run, wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

NOWHERE = "http://127.0.0.1:9"
SLOW = 300.0
"""Seconds that a restart may take: for an old task that does not end, Swarm waits a minute."""
SLEEP = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"
# Gets well only if it finds, when it starts, what it needs.
WEDGED = f"test -e /shared/mended && touch /tmp/well; {SLEEP}"
NEVER_CHECKED = (
    "--health-cmd=test -e /tmp/well",
    "--health-interval=1s",
    "--health-start-period=1h",
)
ONCE = {"then": "restart", "cooldown": "1h"}


class Bed:
    """A service of two tasks, and a healer with one rule."""

    tasks = 2

    def __init__(self, swarm: PrivateSwarm, service: str, image: str) -> None:
        self.swarm, self.service, self.image = swarm, service, image

    def create(self, command: str = SLEEP, *more: str) -> None:
        options = ["--detach", "--no-resolve-image", f"--name={self.service}"]
        options += [f"--replicas={self.tasks}"]
        options += ["--restart-delay=0s", "--update-parallelism=0", "--update-monitor=1s"]
        options += [f"--mount=type=volume,source={self.service},target=/shared", *more]
        self.swarm.docker("service", "create", *options, self.image, "sh", "-c", command)

    def healer(self, prometheus: str, **rule: Any) -> Autoscaler:
        healer = Autoscaler(self.swarm.host, prometheus)
        rest = {"backoff": "1s", "well_after": "1s"}
        policy = {"name": "healer", "services": [self.service], "heal": [rule], "disruption": rest}
        document = {"version": 1, "policies": [policy]}
        # JSON is YAML.
        (healer.policies / "healer.yaml").write_text(json.dumps(document))
        return healer

    def mend(self) -> None:
        volume = f"--volume={self.service}:/shared"
        touch = ("touch", "/shared/mended")
        self.swarm.docker("run", "--rm", "--network=none", volume, self.image, *touch)

    def restarts(self) -> int:
        shown = "--format={{.Spec.TaskTemplate.ForceUpdate}}"
        return int(self.swarm.docker("service", "inspect", shown, self.service))

    def states(self) -> list[str]:
        """What Swarm says of the tasks that shall run."""
        shown = ("--filter=desired-state=running", "--format={{.CurrentState}}")
        lines = self.swarm.docker("service", "ps", *shown, self.service).splitlines()
        return [line.split()[0] for line in lines]

    def all_are(self, state: str) -> bool:
        return self.states() == [state] * self.tasks

    def settled(self) -> bool:
        """Whether one restart is over."""
        shown = "--format={{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
        state = self.swarm.docker("service", "inspect", shown, self.service).strip()
        return self.restarts() == 1 and state == "completed" and self.all_are("Running")


@pytest.fixture
def bed(swarm: PrivateSwarm, service_name: str, busybox_image: str) -> Bed:
    return Bed(swarm, service_name, busybox_image)


def told(healer: Autoscaler, *command: str) -> str:
    return run([program(), *command], env=healer.environment)


def cured_once(bed: Bed, healer: Autoscaler) -> None:
    """One restart, after which the service is found healthy."""
    wait_until(bed.settled, timeout=SLOW, what="one restart that is over", every=0.5)
    wait_until(lambda: " healthy" in told(healer, "status"), timeout=180, what="the state", every=1)
    assert bed.restarts() == 1
    assert "restart" in told(healer, "history", "--actions")


def test_containers_that_live_and_never_get_healthy_are_replaced(bed: Bed) -> None:
    bed.create(WEDGED, *NEVER_CHECKED)
    wait_until(lambda: bed.all_are("Starting"), timeout=180, what="two wedged tasks", every=0.5)
    bed.mend()
    assert bed.all_are("Starting")
    with closing(bed.healer(NOWHERE, rule="unhealthy_stuck", grace="3s", **ONCE)) as healer:
        healer.start()
        cured_once(bed, healer)
        assert "tasks do not come to run within 3 s: " in told(healer, "history")


def test_old_tasks_are_replaced(bed: Bed) -> None:
    bed.create()
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="two tasks", every=0.5)
    with closing(bed.healer(NOWHERE, rule="max_age", older_than="5s", **ONCE)) as healer:
        healer.start()
        cured_once(bed, healer)


# Falls every few seconds unless it finds, when it starts, what it needs.
FALLS = f"test -e /shared/mended || {{ sleep 3; exit 1; }}; {SLEEP}"
# A fifth of a megabyte twice a second, that no kernel can drop.
LEAKS = (
    "trap 'exit 0' TERM; "
    "while :; do head -c 200000 /dev/zero >>/dev/shm/all; sleep 0.5 & wait $!; done"
)


def test_tasks_that_fall_and_come_back_again_and_again_are_restarted(bed: Bed) -> None:
    bed.create(FALLS, "--update-failure-action=continue")
    with closing(bed.healer(NOWHERE, rule="flapping", every="1s", **ONCE)) as healer:
        healer.start()
        wait_until(lambda: bed.restarts() == 1, timeout=180, what="a restart", every=0.5)
        bed.mend()
        wait_until(bed.settled, timeout=SLOW, what="one restart that is over", every=0.5)
        assert "it goes down and up: " in told(healer, "history")


def test_tasks_that_leak_are_restarted_before_memory_runs_out(bed: Bed) -> None:
    bed.create(LEAKS, "--limit-memory=128M")
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="two tasks", every=0.5)
    asked = {"source": "docker", "query": "memory", "of": "limit", "within": "20s", "points": 5}
    with closing(bed.healer(NOWHERE, rule="memory_leak", **asked, **ONCE)) as healer:
        known = json.loads(healer.config.read_text())
        healer.config.write_text(json.dumps({**known, "sources": {"docker": {}}}))
        healer.start()
        cured_once(bed, healer)
        assert "and reaches 134,217,728 in " in told(healer, "history")
        assert "failed" not in bed.swarm.docker("service", "ps", bed.service).lower()


Servers = Callable[..., PrivatePrometheus]


def test_an_alert_of_a_real_prometheus_is_heeded(
    bed: Bed, prometheus_server: Servers, tmp_path: Path
) -> None:
    alert = {"alert": "Broken", "expr": "vector(1)", "labels": {"service": bed.service}}
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps({"groups": [{"name": "test", "rules": [alert]}]}))
    prometheus = prometheus_server({**scrape({}), "rule_files": [str(rules)]})
    fires = f'ALERTS{{alertname="Broken",service="{bed.service}",alertstate="firing"}}'
    wait_until(lambda: bool(prometheus.query(fires)), timeout=180, what="the alert", every=0.5)
    bed.create()
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="two tasks", every=0.5)
    match = {"alertname": "Broken", "service": "$service"}
    with closing(bed.healer(prometheus.url, rule="alert", match=match, **ONCE)) as healer:
        healer.start()
        wait_until(bed.settled, timeout=SLOW, what="one restart that is over", every=0.5)
        fault = f"an alert fires: alertname=Broken, service={bed.service}"
        assert fault in told(healer, "history")


def test_a_probe_of_a_real_prometheus_is_heeded(bed: Bed, prometheus_server: Servers) -> None:
    prometheus = prometheus_server(scrape({bed.service: ["127.0.0.1:9"]}))
    wait_until(lambda: bool(prometheus.query("up")), timeout=180, what="a scrape", every=0.5)
    bed.create()
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="two tasks", every=0.5)
    probe = {"rule": "probe", "query": 'up{job="$service"}', "min": 1, "warm_up": "0s"}
    with closing(bed.healer(prometheus.url, **probe, **ONCE)) as healer:
        healer.start()
        wait_until(bed.settled, timeout=SLOW, what="one restart that is over", every=0.5)
        assert "0 is below 1" in told(healer, "history")


def test_a_page_that_nobody_serves_is_served_again(bed: Bed) -> None:
    bed.tasks = 1
    serve = f"test -e /shared/mended && exec httpd -f -p 8080 -h /shared; {SLEEP}"
    bed.create(serve, "--publish=mode=host,published=8080,target=8080")
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="a task", every=0.5)
    bed.mend()
    page = f"http://{bed.swarm.address}:8080/mended"
    probe = {"rule": "probe", "source": "http", "url": page, "min": 1, "warm_up": "0s"}
    with closing(bed.healer(NOWHERE, **probe, **ONCE)) as healer:
        healer.start()
        cured_once(bed, healer)
        assert "probe: 0 is below 1" in told(healer, "history")


def test_without_prometheus_nothing_is_restarted_and_the_log_says_why(bed: Bed) -> None:
    bed.create()
    wait_until(lambda: bed.all_are("Running"), timeout=180, what="two tasks", every=0.5)
    probe = {"rule": "probe", "query": "up", "min": 1, "warm_up": "0s"}
    with closing(bed.healer(NOWHERE, **probe, **ONCE)) as healer:
        healer.start()
        wait_until(
            lambda: "probe: not known: " in healer.log.read_text(),
            timeout=180,
            what="the reason",
            every=0.5,
        )
        assert bed.restarts() == 0
