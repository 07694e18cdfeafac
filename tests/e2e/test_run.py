"""`autoscaler run` as a process: how it starts, reloads, bears the loss of others, and ends."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.processes import run, wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

ENDED = 180.0
"""Seconds after which it is killed that should have ended; how many it takes is recorded."""
POLICY = """
version: 1
policies:
  - name: shop
    services: [{service}]
    scale:
      min: 1
      max: 9
      metrics: [{{name: load, query: vector({load}), target: {{average_value: 10}}}}]
      behavior: {{scale_down: {{stabilization: 1s}}}}
"""

Measured = Callable[[str, object], None]


class Bed:
    """An autoscaler, the one service of its policy, and a metric that the test sets."""

    def __init__(self, swarm: PrivateSwarm, service: str, autoscaler: Autoscaler) -> None:
        self.swarm = swarm
        self.service = service
        self.autoscaler = autoscaler

    def ask_for(self, replicas: int) -> None:
        """Let the metric be so high."""
        self.write(POLICY.format(service=self.service, load=10 * replicas))

    def write(self, text: str, name: str = "shop.yaml") -> None:
        """Put a policy file in its place, whole."""
        draft = self.autoscaler.directory / name
        draft.write_text(text)
        draft.rename(self.autoscaler.policies / name)

    def start(self) -> None:
        self.autoscaler.start()

    def send(self, number: signal.Signals) -> None:
        process = self.autoscaler.process
        assert process is not None
        os.kill(process.pid, number)

    def end(self) -> float:
        """Tell it to end, and answer how many seconds that took; it must end with 0."""
        process = self.autoscaler.process
        assert process is not None
        started = time.monotonic()
        self.send(signal.SIGTERM)
        process.wait_ended(ENDED)
        assert process.code == 0, process.tail()
        return time.monotonic() - started

    def replicas(self) -> int:
        template = "{{.Spec.Mode.Replicated.Replicas}}"
        return int(self.swarm.docker("service", "inspect", f"--format={template}", self.service))

    def wait_replicas(self, count: int, timeout: float = 180) -> None:
        what = f"{count} replicas"
        wait_until(lambda: self.replicas() == count, timeout=timeout, what=what, every=0.2)

    def wait_running(self, count: int, timeout: float = 180) -> None:
        what = f"{count} running tasks"
        running = self.swarm.running
        wait_until(
            lambda: len(running(self.service)) == count, timeout=timeout, what=what, every=0.2
        )

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        _, page = self.autoscaler.get("/metrics")
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(name))


@contextmanager
def bed_in(swarm: PrivateSwarm, service: str, prometheus: str) -> Iterator[Bed]:
    """A service of one replica, and an autoscaler that is not started yet."""
    forever = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"
    options = ["--detach", "--no-resolve-image", f"--name={service}", "--restart-delay=0s"]
    image = import_busybox(swarm)
    swarm.docker("service", "create", *options, image, "sh", "-c", forever)
    with closing(Autoscaler(swarm.host, prometheus)) as autoscaler:
        bed = Bed(swarm, service, autoscaler)
        bed.ask_for(1)
        yield bed


@pytest.fixture
def prometheus(prometheus_server: Callable[..., PrivatePrometheus]) -> PrivatePrometheus:
    return prometheus_server(scrape({}))


@pytest.fixture
def bed(swarm: PrivateSwarm, service_name: str, prometheus: PrivatePrometheus) -> Iterator[Bed]:
    with bed_in(swarm, service_name, prometheus.url) as bed:
        yield bed


def test_it_tells_how_it_is(bed: Bed) -> None:
    bed.start()
    assert bed.autoscaler.get("/healthz")[0] == 200
    assert bed.autoscaler.get("/readyz") == (200, "ready\n")
    wait_until(
        lambda: "autoscaler_decisions_total" in bed.autoscaler.get("/metrics")[1],
        timeout=180,
        what="a decision in the metrics",
    )
    assert asked(bed, "healthcheck", "--ready") == "ready"


def test_it_ends_when_it_is_idle(bed: Bed, record_property: Measured) -> None:
    bed.start()
    took = bed.end()
    record_property("ended", f"{took:.2f} s after SIGTERM")
    assert bed.autoscaler.process is not None
    told = bed.autoscaler.process.tail()
    assert re.search('"SIGTERM", "event": "stopping".*"stopped"', told, re.DOTALL), told


def test_it_ends_while_the_engine_hangs(bed: Bed, record_property: Measured) -> None:
    bed.start()
    bed.swarm.freeze()
    try:
        time.sleep(2.5)
        took = bed.end()
    finally:
        bed.swarm.thaw()
    record_property("ended", f"{took:.2f} s after SIGTERM")


def test_it_ends_while_prometheus_hangs(
    swarm: PrivateSwarm, service_name: str, record_property: Measured
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://{}:{}".format(*silent.getsockname())
        with bed_in(swarm, service_name, url) as bed:
            bed.start()
            time.sleep(1)
            took = bed.end()
    record_property("ended", f"{took:.2f} s after SIGTERM")


def test_a_policy_that_is_saved_is_followed(bed: Bed, record_property: Measured) -> None:
    bed.start()
    saved = time.monotonic()
    bed.ask_for(3)
    bed.wait_replicas(3)
    record_property("followed", f"{time.monotonic() - saved:.1f} s after it was saved")
    bed.wait_running(3)


def test_sighup_loads_policies_again(bed: Bed) -> None:
    bed.start()
    loaded = "autoscaler_config_last_reload_success_timestamp_seconds"
    before = bed.metric(loaded)
    bed.send(signal.SIGHUP)
    wait_until(lambda: bed.metric(loaded) > before, timeout=180, what="another load")


def test_a_broken_file_changes_nothing_and_is_told(bed: Bed) -> None:
    successful = "autoscaler_config_last_reload_successful"
    bed.ask_for(2)
    bed.start()
    bed.wait_replicas(2)
    bed.write("version: 1\npolicies: [{name: more, mode: actve}]\n", "more.yaml")
    wait_until(lambda: bed.metric(successful) == 0, timeout=180, what="the refusal")
    assert "more.yaml" in bed.autoscaler.log.read_text()
    bed.swarm.docker("service", "update", "--detach", "--replicas=10", bed.service)
    # The old set is in force: its max brings ten replicas down to nine.
    bed.wait_replicas(9)
    (bed.autoscaler.policies / "more.yaml").unlink()
    wait_until(lambda: bed.metric(successful) == 1, timeout=180, what="the repaired set")


def test_replicas_hold_while_prometheus_is_away(bed: Bed, prometheus: PrivatePrometheus) -> None:
    bed.ask_for(3)
    bed.start()
    bed.wait_running(3)
    prometheus.halt()
    bed.ask_for(1)
    before = set(bed.swarm.running(bed.service))
    missing = "missing_data"
    wait_until(lambda: missing in asked(bed, "explain", bed.service), timeout=180, what=missing)
    # Some passes more: had it decided by what it does not know, the tasks would be fewer.
    time.sleep(5)
    assert set(bed.swarm.running(bed.service)) == before
    prometheus.revive()
    bed.wait_running(1)


def asked(bed: Bed, *command: str) -> str:
    """What the command line says of the running service."""
    return run([program(), *command], env=bed.autoscaler.environment)


def test_it_goes_on_after_a_restart_of_the_engine(
    need_engine: None, prometheus: PrivatePrometheus
) -> None:
    with PrivateSwarm() as swarm, bed_in(swarm, "shop", prometheus.url) as bed:
        bed.ask_for(2)
        bed.start()
        bed.wait_running(2)
        swarm.restart()
        bed.ask_for(4)
        bed.wait_running(4, timeout=180)
        assert bed.autoscaler.get("/readyz")[0] == 200


def test_it_goes_on_where_it_was_killed(bed: Bed) -> None:
    bed.ask_for(3)
    bed.start()
    bed.wait_replicas(3)
    bed.send(signal.SIGKILL)
    assert bed.autoscaler.process is not None
    bed.autoscaler.process.wait_ended(60)
    bed.start()
    bed.ask_for(2)
    bed.wait_replicas(2)
    told = asked(bed, "history", "--actions")
    assert re.findall(r"\d -> \d +done", told) == ["3 -> 2  done", "1 -> 3  done"]
