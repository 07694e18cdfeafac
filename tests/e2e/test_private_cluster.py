"""The three managers that other tests take for granted."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.dockerd import PrivateEngine
from autoscaler.testing.real.images import BUSYBOX, FOREVER
from autoscaler.testing.real.processes import ProcessFailed, wait_until
from tests.e2e.leftovers import leftovers, processes
from tests.e2e.networks import overlay

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

_numbers = itertools.count(1)

EVERYWHERE = ["node1", "node2", "node3"]


@pytest.fixture
def spread(cluster: PrivateCluster) -> Iterator[str]:
    """A service with a task on each node, on an overlay network of its own."""
    manager, name = cluster.nodes[0], f"spread{next(_numbers)}"
    cluster.wait_ready()
    with overlay(manager) as network:
        options = (f"--network={network}", "--endpoint-mode=dnsrr", "--restart-delay=0s")
        manager.create(name, BUSYBOX, "--replicas=3", *options, command=FOREVER)
        try:
            manager.wait_running(name, 3)
            yield name
        finally:
            manager.docker("service", "rm", name)


def test_a_service_is_spread_over_all_nodes_and_its_tasks_reach_each_other(
    cluster: PrivateCluster, spread: str
) -> None:
    assert cluster.nodes[0].places(spread) == EVERYWHERE
    addresses = cluster.each(lambda node: in_task(node, spread, "hostname", "-i"))
    assert len(set(addresses)) == 3
    # The nodes tell each other of their tasks in their own time.
    for address in addresses:
        reached = partial(reaches, cluster.nodes[2], spread, address)
        wait_until(reached, timeout=180, what=f"a way to {address}")


def reaches(node: ClusterNode, service: str, address: str) -> bool:
    with suppress(ProcessFailed):
        return " 0% packet loss" in in_task(node, service, "ping", "-c1", address)
    return False


def in_task(node: ClusterNode, service: str, *command: str) -> str:
    container = node.docker("ps", "--quiet", f"--filter=name={service}")
    return node.docker("exec", container, *command)


def wait_replaced(manager: ClusterNode, service: str) -> None:
    wait_until(
        lambda: set(manager.places(service)) == {"node1", "node2"},
        timeout=180,
        what="a replacement",
    )


def test_a_node_that_was_cut_off_is_lost_and_returns_empty(
    cluster: PrivateCluster, spread: str
) -> None:
    manager, _, lost = cluster.nodes
    cluster.cut_off(lost)
    try:
        manager.wait_state(lost, "down")
        wait_replaced(manager, spread)
        # What runs on it runs on, and it cannot know better.
        assert in_task(lost, spread, "echo", "alive") == "alive"
    finally:
        cluster.reconnect(lost)
    manager.wait_state(lost, "ready")
    assert "node3" not in manager.places(spread)
    wait_until(lambda: not lost.docker("ps", "--quiet"), timeout=180, what="the old task's end")


def test_a_node_without_power_is_lost_and_runs_nothing_when_it_is_back(
    cluster: PrivateCluster, spread: str
) -> None:
    manager, _, lost = cluster.nodes
    lost.crash()
    try:
        manager.wait_state(lost, "down")
        wait_replaced(manager, spread)
    finally:
        lost.revive()
    manager.wait_state(lost, "ready")
    assert lost.docker("ps", "--quiet") == ""


def test_nothing_is_left_after_the_owner_was_killed(need_cluster: None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        directories = [Path(name) for name in owner.stdout.readline().split()]
        assert len(directories) == 3
        assert all(leftovers(directory) for directory in directories)
        owner.kill()
    wait_until(
        lambda: not any(processes(directory) for directory in directories),
        timeout=180,
        what="the engines' end",
    )
    with PrivateEngine():
        assert not any(leftovers(directory) for directory in directories)


OWNER = """
import time
from autoscaler.testing.real.cluster import PrivateCluster
cluster = PrivateCluster()
cluster.start()
print(*(node.directory for node in cluster.nodes), flush=True)
time.sleep(100)
"""


def test_nothing_is_left_after_a_start_that_failed(need_cluster: None, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", FAILING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "unknown flag: --nonsense" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert processes(tmp_path) == []


FAILING = """
from autoscaler.testing.real.cluster import PrivateCluster
PrivateCluster(options=["--nonsense"]).start()
"""
