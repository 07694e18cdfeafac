"""A fleet in a handful of requests; what was not listed anew is remembered, or not there."""

import itertools
from collections.abc import Iterable

import pytest

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import NodeState, TaskState
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine import Behaviour, FakeSwarm
from autoscaler.testing.engine.faults import Canned, Request

from .conftest import Adapt

FEW = {"body_bytes": 10_000, "suspect_requests": 2, "rotation_requests": 1}
"""Lists so small that a few services are a large fleet."""


def lists(engine: FakeSwarm) -> list[Request]:
    return [request for request in engine.requests if request.path == "/tasks"]


def whole(requests: Iterable[Request]) -> list[Request]:
    return [request for request in requests if "desired-state" not in request.query["filters"]]


async def test_a_small_fleet_is_listed_whole_each_time(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    services = [engine.create(f"s{number}", 3) for number in range(20)]
    for _ in range(2):
        engine.forget_requests()
        fleet = await orchestrator.snapshot()
        assert fleet.tasks.keys() == fleet.services.keys() == {each.id for each in services}
        assert all(len(tasks) == 3 for tasks in fleet.tasks.values())
        assert len(engine.requests) <= 4


async def test_an_empty_swarm_is_an_empty_fleet(orchestrator: SwarmOrchestrator) -> None:
    fleet = await orchestrator.snapshot()
    assert (fleet.services, fleet.tasks, fleet.networks) == ({}, {}, {})
    assert [node.hostname for node in fleet.nodes.values()] == ["node1"]


async def test_a_thousand_services_cost_a_handful_of_requests(adapt: Adapt) -> None:
    async with FakeSwarm(stepped=True) as engine:
        for number in range(1000):
            engine.create(f"s{number}", 4)
        engine.settle()
        orchestrator = adapt(host=engine.host)
        for _ in range(8):
            engine.forget_requests()
            fleet = await orchestrator.snapshot()
            assert len(engine.requests) <= 9
        assert len(fleet.tasks) == 1000
        assert sum(len(tasks) for tasks in fleet.tasks.values()) == 4_000


async def test_a_service_without_tasks_is_known_to_have_none(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("idle", 0)
    assert (await orchestrator.snapshot()).tasks == {service.id: ()}


async def test_in_a_large_fleet_suspects_are_listed_each_time_and_the_rest_in_turn(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    sick = engine.create("sick", 2, constraints=["node.labels.none==x"])
    for number in range(30):
        engine.create(f"s{number}", 2)
    orchestrator = adapt(lists=FEW)
    seen: set[str] = set()
    for _ in range(15):
        engine.forget_requests()
        fleet = await orchestrator.snapshot()
        assert [task.state for task in fleet.tasks[sick.id]] == [TaskState.PENDING] * 2
        assert len(lists(engine)) <= 3
        seen |= fleet.tasks.keys()
    assert seen == fleet.tasks.keys() == fleet.services.keys()


async def filled(engine: FakeSwarm, adapt: Adapt) -> SwarmOrchestrator:
    """An adapter that has seen all of a fleet that is large for it."""
    for number in range(30):
        engine.create(f"s{number}", 2)
    orchestrator = adapt(lists=FEW)
    for _ in range(15):
        await orchestrator.snapshot()
    return orchestrator


async def test_a_service_that_changed_is_listed_at_once_with_its_ended_tasks(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    orchestrator = await filled(engine, adapt)
    service = next(iter(engine.cluster.services.values()))
    engine.deploy(service, "busybox:2")
    engine.forget_requests()
    tasks = (await orchestrator.snapshot()).tasks[service.id]
    assert any(service.id in request.query["filters"] for request in whole(lists(engine)))
    assert sorted(task.state for task in tasks) == ["running", "running", "shutdown", "shutdown"]


async def test_a_task_that_was_replaced_unseen_is_found_in_turn_and_looked_into(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    orchestrator = await filled(engine, adapt)
    service = next(iter(engine.cluster.services.values()))
    service.template["RestartPolicy"] = {"Delay": 0}
    lost = engine.tasks(service)[0]
    engine.kill(lost)
    for _ in range(16):
        fleet = await orchestrator.snapshot()
    failed = [task for task in fleet.tasks[service.id] if task.state is TaskState.FAILED]
    assert [(task.id, task.exit_code) for task in failed] == [(lost.id, 137)]


async def test_a_service_that_an_event_told_of_is_listed_next(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    orchestrator = await filled(engine, adapt)
    service = list(engine.cluster.services.values())[7]
    events = orchestrator.events()
    await anext(events)
    engine.kill(engine.tasks(service)[0])
    while (event := await anext(events)).action != "die":
        pass
    assert event.service_id == service.id
    engine.cluster.journal.silent = True
    engine.forget_requests()
    await orchestrator.snapshot()
    assert any(service.id in request.query["filters"] for request in whole(lists(engine)))


async def test_a_doubt_outlives_a_list_that_failed(engine: FakeSwarm, adapt: Adapt) -> None:
    orchestrator = await filled(engine, adapt)
    service = list(engine.cluster.services.values())[7]
    seen, _ = await orchestrator.inspect(service.id)
    await orchestrator.apply(scaling(seen, 2))
    engine.faults.drop = "/tasks"
    with pytest.raises(Temporary):
        await orchestrator.snapshot()
    engine.faults.drop = None
    engine.forget_requests()
    await orchestrator.snapshot()
    assert any(service.id in request.query["filters"] for request in whole(lists(engine)))


async def test_a_service_that_vanishes_under_an_inspection_is_gone(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)

    async def vanish(request: Request) -> None:
        if request.path == "/tasks":
            engine.remove(service)

    engine.faults.before = vanish
    with pytest.raises(Permanent, match="gone"):
        await orchestrator.inspect(service.id)


async def test_a_task_list_that_is_always_refused_leaves_its_services_out(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    engine.faults.answers["/tasks"] = Canned(404, '{"message":"page not found"}')
    fleet = await orchestrator.snapshot()
    assert (list(fleet.services), dict(fleet.tasks)) == ([service.id], {})


async def test_a_scale_of_ours_is_followed_by_a_look(engine: FakeSwarm, adapt: Adapt) -> None:
    orchestrator = await filled(engine, adapt)
    service = next(iter(engine.cluster.services.values()))
    seen, _ = await orchestrator.inspect(service.id)
    await orchestrator.apply(scaling(seen, 4))
    assert len((await orchestrator.snapshot()).tasks[service.id]) == 4


async def test_tasks_on_a_lost_node_are_not_healthy_though_they_say_running(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    other = engine.add_node("node2")
    orchestrator = await filled(engine, adapt)
    before = await orchestrator.snapshot()
    assert all(task.healthy for tasks in before.tasks.values() for task in tasks)
    other.state = "down"
    fleet = await orchestrator.snapshot()
    assert fleet.nodes[other.id].state is NodeState.DOWN
    there = [t for tasks in fleet.tasks.values() for t in tasks if t.node_id == other.id]
    assert there
    assert all(task.state is TaskState.RUNNING and not task.healthy for task in there)
    other.state = "ready"
    after = await orchestrator.snapshot()
    assert all(task.healthy for tasks in after.tasks.values() for task in tasks)


async def test_a_replacement_of_a_lost_task_is_counted_and_the_lost_one_is_not(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    other = engine.add_node("node2")
    service = engine.create("web", 4)
    engine.set_node(other, state="down")
    engine.pass_time(6)
    fleet = await orchestrator.snapshot()
    assert fleet.services[service.id].running == 6
    assert sum(task.healthy for task in fleet.tasks[service.id]) == 4


async def test_a_service_that_vanishes_while_its_tasks_are_asked_for_is_left_out(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    services = [engine.create(f"s{number}", 1) for number in range(5)]

    async def vanish(request: Request) -> None:
        if request.path == "/tasks" and len(engine.cluster.services) > 3:
            engine.remove(services[len(engine.cluster.services) - 1])

    engine.faults.before = vanish
    fleet = await orchestrator.snapshot()
    assert len(fleet.services) == 5
    assert fleet.tasks.keys() == {each.id for each in services[:3]}
    fleet = await orchestrator.snapshot()
    assert fleet.tasks.keys() == fleet.services.keys()


async def test_one_huge_service_is_listed_in_pages(engine: FakeSwarm, adapt: Adapt) -> None:
    service = engine.create("huge", 60)
    orchestrator = adapt(lists={**FEW, "retention": 0})
    fleet = await orchestrator.snapshot()
    assert len(fleet.tasks[service.id]) == 60
    assert len(lists(engine)) > 5
    _, tasks = await orchestrator.inspect(service.id)
    assert {task.id for task in tasks} == {task.id for task in fleet.tasks[service.id]}


async def test_of_many_ended_tasks_the_newest_are_kept(adapt: Adapt) -> None:
    seconds = itertools.count(1_700_000_000.0)
    async with FakeSwarm(clock=lambda: next(seconds)) as engine:
        engine.cluster.retention = 50
        engine.image("crash", Behaviour.FAILS)
        service = engine.create("web", 1, image="crash")
        every = [task for task in engine.cluster.tasks_of(service.id) if task.state == "failed"]
        orchestrator = adapt(host=engine.host, lists={"ended": 10})
        _, tasks = await orchestrator.inspect(service.id)
    newest = sorted(every, key=lambda task: task.since)[-10:]
    assert len(every) == 50
    assert {task.id for task in tasks if task.state.ended} == {task.id for task in newest}


async def test_networks_are_asked_for_only_when_some_service_joins_one(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    network = engine.add_network("inner", "10.0.1.0/24")
    engine.create("alone", 1)
    assert (await orchestrator.snapshot()).networks == {}
    engine.create("web", 1, TaskTemplate={"Networks": [{"Target": network.id}]})
    for _ in range(3):
        fleet = await orchestrator.snapshot()
        assert fleet.networks[network.id].addresses == 252
    asked = [request for request in engine.requests if request.path == "/networks"]
    assert len(asked) == 1


async def test_the_time_of_a_fleet_is_the_injected_clocks(engine: FakeSwarm) -> None:
    orchestrator = SwarmOrchestrator(SwarmSettings(host=engine.host), clock=lambda: 42.0)
    assert (await orchestrator.snapshot()).at == 42.0
    await orchestrator.close()


async def test_a_finished_job_is_no_suspect(engine: FakeSwarm, adapt: Adapt) -> None:
    orchestrator = await filled(engine, adapt)
    engine.image("job", Behaviour.EXITS)
    mode = {"ReplicatedJob": {"TotalCompletions": 1}}
    engine.create("job", image="job", mode=mode)
    for _ in range(16):
        engine.forget_requests()
        await orchestrator.snapshot()
    assert not whole(lists(engine))
