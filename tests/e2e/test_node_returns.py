"""A node is cut off and comes back: it is named, and the tasks are spread again, once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.images import BUSYBOX, FOREVER
from autoscaler.testing.real.processes import ProcessFailed, wait_until
from deploy.demo.process import Autoscaler

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

NOWHERE = "http://127.0.0.1:9"
SERVICE = "returns"
POLICY = {
    "name": "healer",
    "services": [SERVICE],
    "heal": [
        {
            "rule": "imbalance",
            "max_skew": 1,
            "stable": "5s",
            "for": "5s",
            "then": "rebalance",
            "cooldown": "1h",
        },
        {"rule": "node_lost", "then": "notify"},
    ],
}
Record = Callable[[str, object], None]


@pytest.fixture
def manager(cluster: PrivateCluster) -> Iterator[ClusterNode]:
    """One that stays, with a service of two tasks on each node."""
    manager = cluster.nodes[0]
    cluster.wait_ready()
    options = ("--replicas=6", "--restart-delay=0s", "--update-parallelism=0")
    manager.create(SERVICE, BUSYBOX, *options, "--update-monitor=1s", command=FOREVER)
    try:
        manager.wait_running(SERVICE, 6)
        yield manager
    finally:
        manager.docker("service", "rm", SERVICE)


@pytest.fixture
def healer(manager: ClusterNode) -> Iterator[Autoscaler]:
    with closing(Autoscaler(manager.host, NOWHERE)) as healer:
        document = {"version": 1, "policies": [POLICY]}
        # JSON is YAML.
        (healer.policies / "healer.yaml").write_text(json.dumps(document))
        yield healer


def test_a_node_that_was_cut_off_is_named_and_gets_tasks_again_when_it_is_back(
    cluster: PrivateCluster, manager: ClusterNode, healer: Autoscaler, record_property: Record
) -> None:
    lost = cluster.nodes[2]
    healer.start()
    cut_at = time.monotonic()
    cluster.cut_off(lost)
    try:
        wait_until(
            lambda: "node3: down, with 2 tasks" in healer.log.read_text(),
            timeout=300,
            what="the notice",
            every=0.5,
        )
        record_property("named", f"{time.monotonic() - cut_at:.1f} s after it was cut off")
        wait_until(
            lambda: places(manager) == ["node1"] * 3 + ["node2"] * 3,
            timeout=300,
            what="replacements",
            every=0.5,
        )
        assert forced(manager) == 0
    finally:
        back_at = time.monotonic()
        cluster.reconnect(lost)
    wait_until(lambda: spread(manager), timeout=300, what="tasks on each node", every=0.5)
    record_property("spread", f"{time.monotonic() - back_at:.1f} s after it was reconnected")
    assert forced(manager) == 1


def places(manager: ClusterNode) -> list[str]:
    """Where its tasks shall run; nowhere while there is no leader to ask."""
    with suppress(ProcessFailed):
        return manager.places(SERVICE)
    return []


def spread(manager: ClusterNode) -> bool:
    return places(manager) == ["node1"] * 2 + ["node2"] * 2 + ["node3"] * 2


def forced(manager: ClusterNode) -> int:
    shown = "--format={{.Spec.TaskTemplate.ForceUpdate}}"
    return int(manager.docker("service", "inspect", shown, SERVICE))
