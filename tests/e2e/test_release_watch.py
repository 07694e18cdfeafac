"""A release is watched by a real Prometheus, and a bad one taken back on a real Swarm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import run, wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")
RELEASE: dict[str, Any] = {
    "bake": "3s",
    "watch": "10m",
    "warmup": "1s",
    "interval": "1s",
    # A page that is late on a busy machine is no data, and says nothing of the release.
    "error_limit": 8,
    "checks": [
        {
            "name": "errors",
            "query": 'max(shop_errors{app="$service"})',
            "max": 0.05,
            "failure_limit": 1,
        }
    ],
}
Servers = Callable[..., PrivatePrometheus]


class Shop:
    """A service, a page that tells how many errors its release makes, and who watches it."""

    def __init__(self, swarm: PrivateSwarm, name: str, image: str) -> None:
        self.swarm, self.name, self.image = swarm, name, image
        self.errors = {"good": 0.01, "bad": 0.5}
        page = self._page()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), page)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _page(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = f'shop_errors{{app="{shop.name}"}} {shop.errors[shop.release()]}\n'
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_request(self, *args: Any) -> None:
                """Not on the screen."""

        return Page

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def create(self) -> None:
        options = ["--env=RELEASE=good", "--replicas=2", "--update-monitor=1s"]
        self.swarm.create(self.name, self.image, *options, command=FOREVER)

    def deploy(self, release: str) -> None:
        change = ("--env-rm=RELEASE", f"--env-add=RELEASE={release}")
        self.swarm.docker("service", "update", "--detach", *change, self.name)

    def release(self) -> str:
        shown = "--format={{index .Spec.TaskTemplate.ContainerSpec.Env 0}}"
        said = self.swarm.docker("service", "inspect", shown, self.name)
        return said.removeprefix("RELEASE=")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def shop(swarm: PrivateSwarm, service_name: str, busybox_image: str) -> Iterator[Shop]:
    with closing(Shop(swarm, service_name, busybox_image)) as shop:
        shop.create()
        yield shop


@pytest.fixture
def prometheus(prometheus_server: Servers, shop: Shop) -> PrivatePrometheus:
    server = prometheus_server(scrape({"shop": [shop.address]}))
    wait_until(lambda: bool(server.query("shop_errors")), timeout=180, what="a scrape", every=0.5)
    return server


@pytest.fixture
def watcher(shop: Shop, prometheus: PrivatePrometheus) -> Iterator[Autoscaler]:
    """The service's first release is good and kept."""
    with closing(Autoscaler(shop.swarm.host, prometheus.url)) as watcher:
        policy = {"name": "shop", "services": [shop.name], "release": RELEASE}
        document = json.dumps({"version": 1, "policies": [policy]})
        (watcher.policies / "shop.yaml").write_text(document)
        watcher.start()
        wait_until(lambda: kept(watcher, shop), timeout=180, what="a good release", every=1)
        yield watcher


def told(watcher: Autoscaler, *command: str) -> str:
    return run([program(), *command], env=watcher.environment)


def kept(watcher: Autoscaler, shop: Shop) -> bool:
    return bool(json.loads(told(watcher, "revisions", shop.name, "--json")))


def logged(watcher: Autoscaler, words: str) -> Callable[[], bool]:
    return lambda: words in watcher.log.read_text()


def test_a_release_that_fails_its_checks_is_taken_back_with_the_replicas_of_now(
    shop: Shop, watcher: Autoscaler
) -> None:
    shop.swarm.docker("service", "scale", "--detach", f"{shop.name}=3")
    shop.swarm.wait_running(shop.name, 3, timeout=180)
    shop.deploy("bad")
    wait_until(lambda: shop.release() == "good", timeout=180, what="the good release", every=0.5)
    shop.swarm.wait_running(shop.name, 3, timeout=180)
    assert "rollback to" in told(watcher, "history", "--actions")
    assert "errors failed 2 times: 0.5 is above 0.05" in watcher.log.read_text()
    assert "ContainerSpec.Env: RELEASE" in watcher.log.read_text()
    assert "RELEASE=bad" not in watcher.log.read_text()
    # Whoever brings it again means it.
    shop.deploy("bad")
    state = "--format={{.UpdateStatus.State}}"
    updated = ("service", "inspect", state, shop.name)
    wait_until(
        lambda: shop.swarm.docker(*updated) == "completed",
        timeout=180,
        what="the deploy",
        every=0.5,
    )
    passes = watcher.log.read_text().count("decision")
    wait_until(lambda: shop.release() == "bad", timeout=180, what="the bad release")
    assert told(watcher, "history", "--actions").count("rollback to") == 1
    assert passes


def test_without_prometheus_nothing_is_taken_back_and_somebody_is_told(
    shop: Shop, watcher: Autoscaler, prometheus: PrivatePrometheus
) -> None:
    prometheus.stop()
    shop.deploy("bad")
    wait_until(logged(watcher, "nothing is done for it"), timeout=180, what="the notice", every=1)
    assert shop.release() == "bad"
    assert "rollback" not in told(watcher, "history", "--actions")
    assert "errors" in told(watcher, "explain", shop.name)
