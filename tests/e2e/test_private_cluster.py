"""The three managers that other tests take for granted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.dockerd import PrivateEngine
from autoscaler.testing.real.images import BUSYBOX, FOREVER
from autoscaler.testing.real.processes import ProcessFailed, wait_until
from tests.e2e.leftovers import leftovers, processes

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(300)]

EVERYWHERE = ["node1", "node2", "node3"]


@pytest.fixture
def spread(cluster: PrivateCluster) -> Iterator[str]:
    """A service with a task on each node, on an overlay network of its own."""
    manager = cluster.nodes[0]
    manager.docker("network", "create", "--driver=overlay", "spread")
    options = ("--replicas=3", "--network=spread", "--endpoint-mode=dnsrr", "--restart-delay=0s")
    manager.create("spread", BUSYBOX, *options, command=FOREVER)
    manager.wait_running("spread", 3, timeout=60)
    yield "spread"
    manager.docker("service", "rm", "spread")
    wait_until(lambda: removed(manager, "spread"), timeout=60, what="the network's removal")


def removed(manager: ClusterNode, network: str) -> bool:
    """A network is removed when the last task has left it, and listed for a while after."""
    with suppress(ProcessFailed):
        manager.docker("network", "rm", network)
    return network not in manager.docker("network", "ls", "--format={{.Name}}").split()


def test_a_service_is_spread_over_all_nodes_and_its_tasks_reach_each_other(
    cluster: PrivateCluster, spread: str
) -> None:
    assert cluster.nodes[0].places(spread) == EVERYWHERE
    addresses = cluster.each(lambda node: in_task(node, spread, "hostname", "-i"))
    assert len(set(addresses)) == 3
    for address in addresses:
        assert " 0% packet loss" in in_task(cluster.nodes[2], spread, "ping", "-c1", address)


def in_task(node: ClusterNode, service: str, *command: str) -> str:
    container = node.docker("ps", "--quiet", f"--filter=name={service}")
    return node.docker("exec", container, *command)


def test_a_node_that_was_cut_off_is_lost_and_returns_empty(
    cluster: PrivateCluster, spread: str
) -> None:
    manager, _, lost = cluster.nodes
    cluster.cut_off(lost)
    try:
        manager.wait_state(lost, "down")
        wait_until(
            lambda: set(manager.places(spread)) == {"node1", "node2"},
            timeout=60,
            what="a replacement",
        )
        # What runs on it runs on, and it cannot know better.
        assert in_task(lost, spread, "echo", "alive") == "alive"
    finally:
        cluster.reconnect(lost)
    manager.wait_state(lost, "ready")
    assert "node3" not in manager.places(spread)
    wait_until(lambda: not lost.docker("ps", "--quiet"), timeout=60, what="the old task's end")


def test_a_node_without_power_is_lost_and_runs_nothing_when_it_is_back(
    cluster: PrivateCluster, spread: str
) -> None:
    manager, _, lost = cluster.nodes
    lost.crash()
    try:
        manager.wait_state(lost, "down")
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
        timeout=20,
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
