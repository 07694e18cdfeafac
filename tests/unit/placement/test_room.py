"""How many more tasks fit, and why no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.model import (
    Fleet,
    Network,
    Node,
    NodeState,
    Resources,
    Room,
    Service,
    Task,
    TaskState,
)
from autoscaler.placement import Placement, room

CPU = 1_000_000_000
MIB = 2**20


def a_node(number: int, **changes: Any) -> Node:
    node = Node(
        id=f"id{number}",
        hostname=f"node{number}",
        resources=Resources(nano_cpus=4 * CPU, memory_bytes=1024 * MIB),
    )
    return replace(node, **changes)


def nodes(count: int) -> list[Node]:
    return [a_node(number) for number in range(1, count + 1)]


def web(**changes: Any) -> Service:
    return replace(Service(id="web", name="web", version=1, replicas=0), **changes)


def tasks(service: str, *places: int, **changes: Any) -> tuple[Task, ...]:
    """One running task per number of a node; 0 waits for a node."""
    return tuple(
        replace(
            Task(
                id=f"{service}{slot}",
                service_id=service,
                slot=slot,
                node_id=f"id{place}" if place else "",
                state=TaskState.RUNNING if place else TaskState.PENDING,
                desired=TaskState.RUNNING,
            ),
            **changes,
        )
        for slot, place in enumerate(places, 1)
    )


def fleet(
    members: list[Node], *services: Service, networks: tuple[Network, ...] = (), **listed: Any
) -> Fleet:
    """A fleet; `listed` are the tasks by service id."""
    return Fleet(
        at=0.0,
        services={service.id: service for service in services},
        tasks=listed,
        nodes={node.id: node for node in members},
        networks={network.id: network for network in networks},
    )


def test_nothing_limits_a_service_without_limits() -> None:
    service = web()
    assert room(fleet(nodes(2), service, web=()), service) == Room(more=None)


def test_a_service_that_is_not_replicated_has_no_room_to_speak_of() -> None:
    service = web(replicas=None, max_per_node=1)
    assert room(fleet(nodes(2), service, web=()), service).more is None


def test_max_replicas_per_node_leave_what_each_node_lacks() -> None:
    service = web(replicas=3, max_per_node=2)
    seen = room(fleet(nodes(3), service, web=tasks("web", 1, 1, 2)), service)
    assert seen == Room(more=3, reason="max 2 replicas per node on 3 of 3 nodes")


def test_a_drained_node_is_named() -> None:
    members = [*nodes(3), a_node(4, availability="drain")]
    service = web(max_per_node=2)
    seen = room(fleet(members, service, web=()), service)
    told = "max 2 replicas per node on 3 of 4 nodes; node4 is drained"
    assert seen == Room(more=6, reason=told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"availability": "drain"}, "node2 is drained"),
        ({"availability": "pause"}, "node2 is paused"),
        ({"state": NodeState.DOWN}, "node2 is down"),
        ({"state": NodeState.UNKNOWN}, "node2 is unknown"),
    ],
)
def test_only_ready_and_active_nodes_take_tasks(changes: dict[str, Any], told: str) -> None:
    service = web(max_per_node=2)
    seen = room(fleet([a_node(1), a_node(2, **changes)], service, web=()), service)
    assert seen.more == 2
    assert told in seen.reason


def test_many_nodes_are_not_all_named() -> None:
    members = [a_node(number, availability="drain") for number in range(1, 9)]
    service = web()
    told = "no node takes its tasks; node1, node2, node3 and 5 more are drained"
    assert room(fleet(members, service, web=()), service) == Room(more=0, reason=told)


def test_an_availability_that_is_new_to_us_limits_nothing() -> None:
    service = web(max_per_node=2)
    assert room(fleet([a_node(1, availability="new")], service, web=()), service).more == 2


def test_tasks_on_a_paused_node_stay_and_those_on_a_lost_one_move() -> None:
    service = web(replicas=2, max_per_node=2)
    listed = tasks("web", 2, 2)
    for changes, more in (
        ({"availability": "pause"}, 2),
        ({"availability": "drain"}, 0),
        ({"state": NodeState.DOWN}, 0),
        ({"state": NodeState.UNKNOWN}, 2),
    ):
        members = [a_node(1), a_node(2, **changes)]
        assert room(fleet(members, service, web=listed), service).more == more


def test_constraints_leave_the_nodes_that_meet_them() -> None:
    members = [a_node(1, labels={"zone": "a"}), a_node(2, labels={"zone": "b"})]
    service = web(max_per_node=3, constraints=("node.labels.zone == a",))
    told = "max 3 replicas per node on 1 of 2 nodes; node2 does not meet node.labels.zone == a"
    assert room(fleet(members, service, web=()), service) == Room(more=3, reason=told)


def test_a_service_that_no_node_takes_has_no_room() -> None:
    service = web(constraints=("node.labels.zone == a",))
    told = "no node takes its tasks; node1, node2 do not meet node.labels.zone == a"
    assert room(fleet(nodes(2), service, web=()), service) == Room(more=0, reason=told)


def test_reservations_of_all_services_take_room() -> None:
    service = web(replicas=1, reservations=Resources(nano_cpus=CPU))
    other = replace(web(), id="api", name="api", reservations=Resources(nano_cpus=CPU * 3 // 2))
    members = fleet(nodes(2), service, other, web=tasks("web", 1), api=tasks("api", 1, 2))
    seen = room(members, service)
    told = "reservations of 1 CPU each leave room for 3 more on 2 of 2 nodes"
    assert seen == Room(more=3, reason=told)


def test_memory_is_reserved_like_cpus() -> None:
    service = web(reservations=Resources(nano_cpus=CPU, memory_bytes=512 * MIB))
    told = "reservations of 512 MiB each leave room for 2 more on 1 of 1 nodes"
    assert room(fleet(nodes(1), service, web=()), service) == Room(more=2, reason=told)


def test_each_node_names_its_own_scarcity() -> None:
    members = [a_node(1), a_node(2, resources=Resources(nano_cpus=CPU, memory_bytes=1024 * MIB))]
    service = web(max_per_node=2, reservations=Resources(nano_cpus=CPU))
    seen = room(fleet(members, service, web=()), service)
    assert seen.more == 3
    assert seen.reason == (
        "max 2 replicas per node on 1 of 2 nodes; "
        "reservations of 1 CPU each leave room for 1 more on 1 of 2 nodes"
    )


def test_tasks_that_ended_or_shall_end_take_no_room() -> None:
    service = web(replicas=0, max_per_node=1, reservations=Resources(nano_cpus=2 * CPU))
    for changes in (
        {"state": TaskState.FAILED, "desired": TaskState.SHUTDOWN},
        {"state": TaskState.FAILED},
        {"desired": TaskState.REMOVE},
    ):
        listed = tasks("web", 1, 1, **changes)
        assert room(fleet(nodes(1), service, web=listed), service).more == 1


def test_a_task_that_waits_for_its_restart_keeps_its_place() -> None:
    service = web(replicas=1, max_per_node=1)
    waiting = tasks("web", 1, state=TaskState.READY, desired=TaskState.READY)
    assert room(fleet(nodes(2), service, web=waiting), service).more == 1


def test_tasks_that_wait_for_a_node_come_first() -> None:
    service = web(replicas=3, max_per_node=2)
    assert room(fleet(nodes(2), service, web=tasks("web", 1, 0, 0)), service).more == 1


def test_replicas_that_have_no_task_yet_come_first() -> None:
    service = web(replicas=3, max_per_node=2)
    assert room(fleet(nodes(2), service, web=tasks("web", 1)), service).more == 1


def test_a_slot_whose_restarts_are_used_up_is_owed_nothing() -> None:
    service = web(replicas=2, max_per_node=2)
    given_up = tasks("web", 1, state=TaskState.FAILED, desired=TaskState.SHUTDOWN)
    runs = replace(tasks("web", 1)[0], id="web2", slot=2)
    assert room(fleet(nodes(1), service, web=(*given_up, runs)), service).more == 1


def test_tasks_that_were_not_listed_limit_nothing() -> None:
    service = web(replicas=4, max_per_node=1)
    assert room(fleet(nodes(2), service), service).more is None


def test_other_services_that_were_not_listed_take_no_room() -> None:
    service = web(reservations=Resources(nano_cpus=CPU))
    other = replace(web(), id="api", name="api", reservations=Resources(nano_cpus=CPU))
    assert room(fleet(nodes(1), service, other, web=()), service).more == 4


def test_a_node_that_states_no_resources_limits_nothing() -> None:
    service = web(reservations=Resources(nano_cpus=CPU))
    members = [a_node(1), a_node(2, resources=Resources())]
    assert room(fleet(members, service, web=()), service).more is None


def test_a_fleet_without_nodes_is_one_that_is_not_known() -> None:
    service = web(max_per_node=1)
    assert room(fleet([], service, web=()), service).more is None


def test_a_network_has_only_so_many_addresses() -> None:
    small = Network(id="n", name="inner", addresses=5)
    service = web(replicas=2, networks=("n",))
    other = replace(web(), id="api", name="api", networks=("n",))
    listed = {"web": tasks("web", 1, 1), "api": tasks("api", 1)}
    members = fleet(nodes(1), service, other, networks=(small,), **listed)
    seen = room(members, service)
    told = "network inner has addresses for 5 tasks, 3 are taken"
    assert seen == Room(more=2, reason=told)


def test_a_task_without_an_address_yet_is_owed_one() -> None:
    small = Network(id="n", name="inner", addresses=5)
    service = web(replicas=3, networks=("n",))
    new = tasks("web", 0, 0, 0, state=TaskState.NEW)
    assert room(fleet(nodes(1), service, networks=(small,), web=new), service).more == 2


def test_the_scarcer_of_nodes_and_networks_counts() -> None:
    networks = (Network(id="n", name="inner", addresses=5), Network(id="m", name="outer"))
    service = web(max_per_node=3, networks=("n", "m", "unheard-of"))
    assert room(fleet(nodes(1), service, networks=networks, web=()), service).more == 3
    seen = room(fleet(nodes(2), service, networks=networks, web=()), service)
    assert (seen.more, seen.reason.split()[:2]) == (5, ["network", "inner"])


def test_a_service_that_was_not_listed_holds_an_address_per_running_task() -> None:
    small = Network(id="n", name="inner", addresses=5)
    service = web(networks=("n",))
    for running, more in ((3, 2), (None, 5)):
        other = replace(web(), id="api", name="api", networks=("n",), running=running)
        seen = room(fleet(nodes(1), service, other, networks=(small,), web=()), service)
        assert seen.more == more


def test_one_placement_serves_many_services() -> None:
    first = web(reservations=Resources(nano_cpus=CPU))
    second = replace(first, id="api", name="api", reservations=Resources(nano_cpus=2 * CPU))
    seen = fleet(nodes(1), first, second, web=tasks("web", 1), api=())
    placement = Placement(seen)
    assert placement.room(first) == room(seen, first)
    assert placement.room(second) == room(seen, second)
