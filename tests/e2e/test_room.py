"""The room for more tasks, against what a real Swarm then starts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from autoscaler.model import Room
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.placement import room
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import wait_until
from tests.e2e import networks

Create = Callable[..., str]

FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")
BEYOND = 2
"""Replicas asked for beyond what there is room for."""


@pytest.fixture
def create(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Create]:
    """Create a service and wait for its tasks; it is removed afterwards."""
    created = []

    def create(name: str, *options: str, replicas: int = 1) -> str:
        options = ("--detach", "--no-resolve-image", f"--replicas={replicas}", *options)
        swarm.docker("service", "create", "--name", name, *options, busybox_image, *FOREVER)
        created.append(name)
        await_running(swarm, name, replicas)
        return name

    yield create
    if created:
        swarm.docker("service", "rm", *created)
        wait_until(
            lambda: not any(containers_of(swarm, name) for name in created),
            timeout=180,
            what="the end of all tasks",
        )


def containers_of(swarm: PrivateSwarm, name: str) -> str:
    return swarm.docker("ps", "--quiet", f"--filter=label=com.docker.swarm.service.name={name}")


_subnets = itertools.count(1)


@pytest.fixture
def overlay(swarm: PrivateSwarm) -> Iterator[str]:
    """A network of eight addresses, five of them for tasks and nodes.

    Named before `create` it is removed after the services on it.
    """
    with networks.overlay(swarm, f"--subnet=10.99.{next(_subnets)}.0/29") as name:
        yield name


def await_running(swarm: PrivateSwarm, name: str, count: int) -> None:
    wait_until(
        lambda: len(swarm.running(name)) == count, timeout=180, what=f"{count} tasks of {name}"
    )


def estimate(swarm: PrivateSwarm, name: str) -> Room:
    async def look() -> Room:
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))
        try:
            fleet = await orchestrator.snapshot()
        finally:
            await orchestrator.close()
        service = next(each for each in fleet.services.values() if each.name == name)
        return room(fleet, service)

    return asyncio.run(look())


def started_when_asked_for_more(swarm: PrivateSwarm, name: str, before: int, more: int) -> int:
    """How many tasks Swarm adds when asked for more than there is room for."""
    swarm.docker("service", "scale", "--detach", f"{name}={before + more + BEYOND}")
    await_running(swarm, name, before + more)
    time.sleep(2)
    return len(swarm.running(name)) - before


def check(swarm: PrivateSwarm, name: str, *, before: int, more: int) -> Room:
    """The estimate is right, and there is no room left once it is used up."""
    found = estimate(swarm, name)
    assert found.more == more
    assert started_when_asked_for_more(swarm, name, before, more) == more
    assert estimate(swarm, name).more == 0
    return found


def share_of_cpus(swarm: PrivateSwarm, share: float) -> str:
    cpus = int(swarm.docker("info", "--format={{.NCPU}}"))
    return f"--reserve-cpu={cpus * share:g}"


def test_max_replicas_per_node(swarm: PrivateSwarm, create: Create) -> None:
    create("web", "--replicas-max-per-node=3")
    found = check(swarm, "web", before=1, more=2)
    assert found.reason == "max 3 replicas per node on 1 of 1 nodes"


def test_cpu_reservations_of_this_and_other_services(swarm: PrivateSwarm, create: Create) -> None:
    create("other", share_of_cpus(swarm, 0.35))
    create("idle")
    create("web", share_of_cpus(swarm, 0.2))
    assert "CPU each leave room for 2 more" in check(swarm, "web", before=1, more=2).reason


def test_memory_reservations(swarm: PrivateSwarm, create: Create) -> None:
    total = int(swarm.docker("info", "--format={{.MemTotal}}"))
    create("web", f"--reserve-memory={total * 3 // 10}", replicas=2)
    check(swarm, "web", before=2, more=1)


def test_constraints_compare_as_swarm_does(swarm: PrivateSwarm, create: Create) -> None:
    labels = ("--label-add=Zone=North", "--label-add=empty=")
    swarm.docker("node", "update", *labels, "node1")
    met = ("node.labels.Zone==north", "node.labels.zone!=north", "node.role == MANAGER")
    create("web", "--replicas-max-per-node=2", *(f"--constraint={each}" for each in met))
    check(swarm, "web", before=1, more=1)


def test_a_constraint_that_no_node_meets(swarm: PrivateSwarm, create: Create) -> None:
    create("web", "--constraint=node.labels.zone==south", replicas=0)
    check(swarm, "web", before=0, more=0)


def test_addresses_of_a_narrow_network(swarm: PrivateSwarm, overlay: str, create: Create) -> None:
    create("other", f"--network={overlay}", "--endpoint-mode=dnsrr")
    create("web", f"--network={overlay}", "--endpoint-mode=dnsrr")
    found = check(swarm, "web", before=1, more=2)
    assert found.reason == f"network {overlay} has addresses for 4 tasks, 2 are taken"


def test_a_paused_node_keeps_its_tasks_and_takes_no_more(
    swarm: PrivateSwarm, create: Create
) -> None:
    create("web", "--replicas-max-per-node=3", replicas=2)
    try:
        swarm.docker("node", "update", "--availability=pause", "node1")
        paused = estimate(swarm, "web")
        assert paused == Room(more=0, reason="no node takes its tasks; node1 is paused")
        assert started_when_asked_for_more(swarm, "web", 2, 0) == 0
    finally:
        swarm.docker("node", "update", "--availability=active", "node1")


def test_a_slot_whose_restarts_are_used_up_leaves_its_place(
    swarm: PrivateSwarm, create: Create
) -> None:
    create("web", "--replicas-max-per-node=2", "--restart-condition=none", replicas=2)
    swarm.docker("kill", swarm.docker("ps", "--quiet", "--filter=name=web.1."))
    await_running(swarm, "web", 1)
    assert estimate(swarm, "web").more == 1
    swarm.docker("service", "scale", "--detach", "web=4")
    await_running(swarm, "web", 2)
    time.sleep(2)
    assert len(swarm.running("web")) == 2
