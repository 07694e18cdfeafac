"""What becomes of tasks in the engine model whose node is drained, paused, lost or found."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed, eventually
from autoscaler.testing.engine.objects import EngineNode, EngineService
from autoscaler.testing.engine.passing import passing_time

NO_NODE = "no suitable node (1 node not available for new tasks)"


@pytest.fixture
async def bed() -> AsyncIterator[SwarmBed]:
    async with passing_time() as model, EngineApi(model.host) as api:
        yield SwarmBed(model.host, api, "busybox:1")


@pytest.fixture
def name() -> str:
    return "web"


async def set_availability(bed: SwarmBed, availability: str) -> None:
    async def written() -> bool:
        (node,) = await bed.api.get("/nodes")
        spec = {**node["Spec"], "Availability": availability}
        version = str(node["Version"]["Index"])
        reply = await bed.api.ask("POST", f"/nodes/{node['ID']}/update", spec, version=version)
        assert reply.status == 200 or "out of sequence" in reply.message, reply
        return reply.status == 200

    await eventually(written)


@asynccontextmanager
async def being(bed: SwarmBed, availability: str) -> AsyncIterator[None]:
    """The only node is so meanwhile."""
    await set_availability(bed, availability)
    try:
        yield
    finally:
        await set_availability(bed, "active")


async def states(bed: SwarmBed, service_id: str) -> list[tuple[str, str]]:
    """The observed and the desired state of each task, sorted."""
    tasks = await bed.tasks(service_id)
    return sorted((task["Status"]["State"], task["DesiredState"]) for task in tasks)


async def running(bed: SwarmBed, name: str, **template: object) -> str:
    spec = bed.spec(name, 1, placeable=True)
    spec["TaskTemplate"] |= template
    service_id = await bed.create_from(spec)
    await eventually(lambda: bed.runs(service_id, 1))
    return service_id


async def test_the_tasks_of_a_drained_node_stop_and_wait_for_another_one(
    bed: SwarmBed, name: str
) -> None:
    service_id = await running(bed, name)

    async def moved() -> bool:
        return await states(bed, service_id) == [("pending", "running"), ("shutdown", "shutdown")]

    async with being(bed, "drain"):
        await eventually(moved)

        async def told() -> bool:
            tasks = await bed.tasks(service_id, **{"desired-state": ["running"]})
            return [task["Status"].get("Err") for task in tasks] == [NO_NODE]

        await eventually(told)
    await eventually(lambda: bed.runs(service_id, 1))


async def test_a_task_that_is_never_restarted_is_not_moved_from_a_drained_node_either(
    bed: SwarmBed, name: str
) -> None:
    service_id = await running(bed, name, RestartPolicy={"Condition": "none"})

    async def gone() -> bool:
        return await states(bed, service_id) == [("shutdown", "shutdown")]

    async with being(bed, "drain"):
        await eventually(gone)
    witness = await running(bed, f"{name}-witness")
    assert await bed.runs(witness, 1)
    assert await gone()


async def test_a_paused_node_keeps_its_tasks_and_takes_no_new_ones(
    bed: SwarmBed, name: str
) -> None:
    service_id = await running(bed, name)
    async with being(bed, "pause"):
        await bed.scale(service_id, 2)

        async def waits() -> bool:
            shown = [("pending", "running"), ("running", "running")]
            tasks = await bed.tasks(service_id)
            errors = [task["Status"]["Err"] for task in tasks if "Err" in task["Status"]]
            return await states(bed, service_id) == shown and errors == [NO_NODE]

        await eventually(waits)
    await eventually(lambda: bed.runs(service_id, 2))


async def test_a_global_service_leaves_a_drained_node_and_comes_back_to_it(
    bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create_from({**bed.spec(name, placeable=True), "Mode": {"Global": {}}})
    await eventually(lambda: bed.runs(service_id, 1))

    async def gone() -> bool:
        return await states(bed, service_id) == [("shutdown", "shutdown")]

    async with being(bed, "drain"):
        await eventually(gone)
    await eventually(lambda: bed.runs(service_id, 1))


def two_nodes() -> tuple[FakeSwarm, EngineNode, EngineService]:
    """A Swarm with a service of two tasks on each node, and one of the nodes."""
    swarm = FakeSwarm()
    other = swarm.add_node("node2")
    return swarm, other, swarm.create("web", 4)


def places(swarm: FakeSwarm, service: EngineService) -> list[str]:
    """Where its tasks run that shall."""
    nodes = swarm.cluster.nodes
    return sorted(
        nodes[task.node_id].hostname for task in swarm.tasks(service) if task.state == "running"
    )


def test_a_node_that_is_cut_off_is_down_after_three_heartbeats() -> None:
    swarm, other, _ = two_nodes()
    swarm.cut_off(other)
    seen = []
    for seconds in (13, 4):
        swarm.pass_time(seconds)
        seen.append(other.state)
    assert seen == ["ready", "down"]


def test_its_tasks_are_replaced_after_the_restart_delay_and_still_said_to_run() -> None:
    swarm, other, service = two_nodes()
    swarm.cut_off(other)
    swarm.pass_time(30)
    assert places(swarm, service) == ["node1"] * 4
    lost = [t for t in swarm.cluster.tasks_of(service.id) if t.node_id == other.id]
    assert [(task.state, task.desired) for task in lost] == [("running", "shutdown")] * 2


def test_nothing_moves_back_to_a_node_that_is_back_and_what_ran_there_ends() -> None:
    swarm, other, service = two_nodes()
    swarm.cut_off(other)
    swarm.pass_time(60)
    swarm.reconnect(other)
    swarm.pass_time(60)
    assert other.state == "ready"
    assert places(swarm, service) == ["node1"] * 4
    lost = [t for t in swarm.cluster.tasks_of(service.id) if t.node_id == other.id]
    assert {task.state for task in lost} == {"shutdown"}


def test_after_a_day_the_tasks_of_a_node_that_is_down_are_orphaned() -> None:
    swarm, other, service = two_nodes()
    swarm.set_node(other, state="down")
    swarm.pass_time(86_000)
    assert "orphaned" not in {t.state for t in swarm.cluster.tasks_of(service.id)}
    swarm.pass_time(500)
    lost = [t for t in swarm.cluster.tasks_of(service.id) if t.node_id == other.id]
    assert {task.state for task in lost} == {"orphaned"}


def test_a_new_leader_knows_of_no_node_until_it_has_reported() -> None:
    swarm, other, service = two_nodes()
    swarm.cut_off(other)
    swarm.change_leader()
    assert {node.state for node in swarm.cluster.nodes.values()} == {"unknown"}
    swarm.pass_time(6)
    assert [node.state for node in swarm.cluster.nodes.values()] == ["ready", "unknown"]
    assert len(swarm.tasks(service)) == 4
    swarm.pass_time(30)
    assert other.state == "down"


def test_what_is_at_rest_has_no_next_moment() -> None:
    swarm, _, service = two_nodes()
    moments = [swarm.cluster.next_at]
    swarm.deploy(service, "busybox:2")
    assert swarm.cluster.next_at is not None
    swarm.pass_time(120)
    assert service.rollout == "completed"
    assert [*moments, swarm.cluster.next_at] == [None, None]
