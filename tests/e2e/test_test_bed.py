"""The test bed itself: what the other end-to-end tests take for granted."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autoscaler.testing.real.alertmanager import PrivateAlertmanager, webhook
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import FOREVER, import_busybox
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from tests.e2e import networks
from tests.e2e.leftovers import leftovers, processes


def test_a_service_runs_and_a_scale_keeps_its_tasks(
    swarm: PrivateSwarm, busybox_image: str, service_name: str
) -> None:
    swarm.create(service_name, busybox_image, "--replicas=2", command=FOREVER)
    before = swarm.wait_running(service_name, 2)
    swarm.docker("service", "scale", "--detach", f"{service_name}=4")
    assert set(before) < set(swarm.wait_running(service_name, 4))


def test_tasks_find_each_other_on_an_overlay_network(
    swarm: PrivateSwarm, busybox_image: str, overlay: str, service_name: str
) -> None:
    options = ("--replicas=2", f"--network={overlay}", "--endpoint-mode=dnsrr")
    swarm.create(service_name, busybox_image, *options, command=FOREVER)
    swarm.wait_running(service_name, 2)
    container = swarm.docker("ps", "--quiet", f"--filter=name={service_name}.1")
    asked = ("exec", container, "nslookup", f"tasks.{service_name}")
    found = f"Name:\ttasks.{service_name}"
    wait_until(
        lambda: swarm.docker(*asked).count(found) == 2, timeout=180, what="both names", every=0.5
    )


@pytest.fixture
def overlay(swarm: PrivateSwarm) -> Iterator[str]:
    with networks.overlay(swarm) as name:
        yield name


def test_the_machine_reaches_a_published_port_and_prometheus_scrapes_it(
    swarm: PrivateSwarm,
    busybox_image: str,
    service_name: str,
    prometheus_server: Callable[..., PrivatePrometheus],
) -> None:
    page = "mkdir /www && echo 'shop_orders 42' >/www/metrics && exec httpd -f -p 8080 -h /www"
    port = "--publish=mode=host,published=8080,target=8080"
    swarm.create(service_name, busybox_image, port, command=("sh", "-c", page))
    swarm.wait_running(service_name, 1)
    prometheus = prometheus_server(scrape({"shop": [f"{swarm.address}:8080"]}))
    series = wait_until(
        lambda: prometheus.query("shop_orders"), timeout=180, what="the first sample"
    )
    assert series[0]["value"][1] == "42"


def test_two_swarms_live_side_by_side(need_engine: None) -> None:
    with PrivateSwarm(hostname="left") as left, PrivateSwarm(hostname="right") as right:
        for swarm in (left, right):
            swarm.create("web", import_busybox(swarm), command=FOREVER)
            swarm.wait_running("web", 1)
        nodes = [swarm.docker("node", "ls", "--format={{.Hostname}}") for swarm in (left, right)]
        assert nodes == ["left", "right"]
        left.stop()
        assert len(right.running("web")) == 1


def test_a_crashed_engine_comes_back_with_its_services(need_engine: None) -> None:
    with PrivateSwarm() as swarm:
        swarm.create("web", import_busybox(swarm), "--replicas=2", command=FOREVER)
        swarm.wait_running("web", 2)
        swarm.halt(signal.SIGKILL)
        with pytest.raises(ProcessFailed, match="Cannot connect"):
            swarm.docker("version")
        assert [line for line in processes(swarm.directory) if "shim" in line]
        swarm.revive()
        swarm.wait_running("web", 2)


def test_a_frozen_engine_answers_nothing_until_it_is_thawed(need_engine: None) -> None:
    with PrivateSwarm() as swarm:
        swarm.freeze()
        with pytest.raises(ProcessFailed, match="no end after 1 s"):
            swarm.docker("version", timeout=1)
        swarm.thaw()
        assert swarm.docker("node", "ls", "--format={{.Hostname}}") == "node1"


def test_nothing_is_left_after_stop(need_engine: None) -> None:
    with PrivateSwarm() as swarm:
        swarm.create("web", import_busybox(swarm), command=FOREVER)
        swarm.wait_running("web", 1)
        directory, gateway = swarm.directory, swarm.gateway
        assert leftovers(directory)
        assert gateway in run(["ip", "-4", "address"])
    assert leftovers(directory) == []
    wait_until(
        lambda: gateway not in run(["ip", "-4", "address"]), timeout=180, what="the link's end"
    )


def test_nothing_is_left_after_the_owner_was_killed(need_engine: None) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    with owner:
        assert owner.stdout is not None
        directory = Path(owner.stdout.readline().strip())
        assert directory.is_absolute()
        assert leftovers(directory)
        owner.kill()
    wait_until(lambda: not processes(directory), timeout=180, what="the engine's end")
    with PrivateSwarm():
        assert leftovers(directory) == []


OWNER = """
import time
from autoscaler.testing.real.dockerd import PrivateSwarm
swarm = PrivateSwarm()
swarm.start()
print(swarm.directory, flush=True)
time.sleep(100)
"""


def test_prometheus_reads_another_configuration(
    prometheus_server: Callable[..., PrivatePrometheus],
) -> None:
    prometheus = prometheus_server(scrape({}))
    prometheus.reload(scrape({"nobody": ["127.0.0.1:1"]}))
    up = wait_until(lambda: prometheus.query("up"), timeout=180, what="the first scrape")
    assert up[0]["metric"]["job"] == "nobody"
    with pytest.raises(ProcessFailed, match="nonsense"):
        prometheus.reload("nonsense: true")


def test_prometheus_keeps_its_data_and_its_address_over_a_restart(
    prometheus_server: Callable[..., PrivatePrometheus],
) -> None:
    prometheus = prometheus_server(scrape({}))
    url = prometheus.url
    prometheus.restart()
    assert prometheus.url == url
    assert prometheus.query("vector(1)")[0]["value"][1] == "1"


def test_alertmanager_takes_an_alert(
    alertmanager_server: Callable[..., PrivateAlertmanager],
) -> None:
    alertmanager = alertmanager_server(webhook("http://127.0.0.1:1/"))
    alertmanager.fire(alertname="WebLatencyHigh", service="shop_web")
    assert [alert["labels"]["service"] for alert in alertmanager.alerts()] == ["shop_web"]
