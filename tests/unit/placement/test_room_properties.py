"""What holds of the room in any fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Fleet, Network, Node, NodeState, Resources, Service, Task, TaskState
from autoscaler.placement import Placement, room

small = st.integers(0, 4)
amounts = st.builds(Resources, nano_cpus=small, memory_bytes=small)
capacities = st.builds(Resources, nano_cpus=st.integers(0, 12), memory_bytes=st.integers(0, 12))
zones = st.sampled_from(["", "a", "b"])
NETWORK = "n"


@st.composite
def nodes(draw: st.DrawFn, name: str) -> Node:
    return Node(
        id=name,
        hostname=name,
        state=draw(st.sampled_from(NodeState)),
        availability=draw(st.sampled_from(["active", "active", "pause", "drain", "new"])),
        labels={"zone": draw(zones)},
        resources=draw(capacities),
    )


@st.composite
def services(draw: st.DrawFn, name: str) -> Service:
    return Service(
        id=name,
        name=name,
        version=1,
        replicas=draw(small),
        running=draw(st.none() | small),
        max_per_node=draw(small),
        reservations=draw(amounts),
        constraints=tuple(draw(st.lists(st.sampled_from(CONSTRAINTS), max_size=2))),
        networks=tuple(draw(st.sets(st.just(NETWORK)))),
    )


CONSTRAINTS = ["node.labels.zone==a", "node.labels.zone!=b", "node.mood==good", "?"]


@st.composite
def some_tasks(draw: st.DrawFn, service: Service, members: list[str]) -> tuple[Task, ...]:
    return tuple(
        Task(
            id=f"{service.id}{slot}",
            service_id=service.id,
            slot=slot,
            node_id=draw(st.sampled_from(["", *members])),
            state=draw(st.sampled_from(TaskState)),
            desired=draw(st.sampled_from([TaskState.RUNNING, TaskState.SHUTDOWN])),
        )
        for slot in range(draw(small))
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    members = [draw(nodes(f"node{number}")) for number in range(draw(st.integers(1, 4)))]
    known = [draw(services(name)) for name in ("web", "api", "db")]
    names = [node.id for node in members]
    listed = {each.id: draw(some_tasks(each, names)) for each in known if draw(st.booleans())}
    addresses = draw(st.none() | st.integers(0, 12))
    return Fleet(
        at=0.0,
        services={each.id: each for each in known},
        tasks=listed,
        nodes={node.id: node for node in members},
        networks={NETWORK: Network(id=NETWORK, name="inner", addresses=addresses)},
    )


def more(fleet: Fleet) -> float:
    found = room(fleet, fleet.services["web"]).more
    return float("inf") if found is None else found


@given(fleets(), st.integers(1, 4))
def test_what_is_reckoned_once_for_services_that_are_alike_is_right_for_each(
    fleet: Fleet, limit: int
) -> None:
    web = replace(fleet.services["web"], reservations=Resources(nano_cpus=1), max_per_node=0)
    api = replace(web, id="api", max_per_node=limit)
    fleet = replace(fleet, services={**fleet.services, "web": web, "api": api})
    shared = Placement(fleet)
    for service in fleet.services.values():
        assert shared.room(service) == room(fleet, service)
        assert shared.hosts(service) == Placement(fleet).hosts(service)


@given(fleets())
def test_room_is_never_negative_and_a_limit_has_a_reason(fleet: Fleet) -> None:
    found = room(fleet, fleet.services["web"])
    assert found.more is None or found.more >= 0
    assert (found.more is None) == (found.reason == "")


@given(fleets(), nodes("another"))
def test_another_node_never_takes_room_away(fleet: Fleet, node: Node) -> None:
    assert more(replace(fleet, nodes={**fleet.nodes, node.id: node})) >= more(fleet)


@given(fleets(), st.data())
def test_what_is_not_listed_never_takes_room_away(fleet: Fleet, data: st.DataObject) -> None:
    if fleet.tasks:
        hidden = data.draw(st.sampled_from(sorted(fleet.tasks)))
        service = replace(fleet.services[hidden], running=None)
        less_known = replace(
            fleet,
            services={**fleet.services, hidden: service},
            tasks={key: tasks for key, tasks in fleet.tasks.items() if key != hidden},
        )
        assert more(less_known) >= more(fleet)


@given(fleets())
def test_a_constraint_that_is_not_understood_takes_no_room_away(fleet: Fleet) -> None:
    web = fleet.services["web"]
    strange = replace(web, constraints=(*web.constraints, "node.mood==good"))
    assert room(fleet, strange) == room(fleet, web)


@given(fleets(), st.integers(1, 3))
def test_replicas_that_are_asked_for_already_take_room(fleet: Fleet, extra: int) -> None:
    web = fleet.services["web"]
    grown = replace(web, replicas=(web.replicas or 0) + extra)
    before, after = room(fleet, web).more, room(fleet, grown).more
    if before is not None:
        assert after is not None
        assert before - extra <= after <= before


@given(fleets())
def test_as_many_tasks_fit_one_by_one_as_there_is_room_for(fleet: Fleet) -> None:
    """Against a scheduler that places one task after the other, for a settled service."""
    web = replace(fleet.services["web"], replicas=0, networks=())
    fleet = replace(
        fleet, services={**fleet.services, "web": web}, tasks={**fleet.tasks, "web": ()}
    )
    found = room(fleet, web).more
    placed = 0
    while placed < 100 and _place_one(fleet, web, placed):
        fleet = _place_one(fleet, web, placed) or fleet
        placed += 1
    assert placed == (100 if found is None else found)


def _place_one(fleet: Fleet, web: Service, number: int) -> Fleet | None:
    for node in fleet.nodes.values():
        if _takes(fleet, web, node):
            task = Task(
                id=f"new{number}",
                service_id=web.id,
                slot=number + 1,
                node_id=node.id,
                state=TaskState.RUNNING,
                desired=TaskState.RUNNING,
            )
            return replace(fleet, tasks={**fleet.tasks, web.id: (*fleet.tasks[web.id], task)})
    return None


def _takes(fleet: Fleet, web: Service, node: Node) -> bool:
    """Swarm's filters, one after the other."""
    used: Counter[str] = Counter()
    for service_id, tasks in fleet.tasks.items():
        for task in tasks:
            if task.node_id == node.id and task.wanted:
                asked = fleet.services[service_id].reservations
                used += Counter(
                    {"cpu": asked.nano_cpus, "memory": asked.memory_bytes, service_id: 1}
                )
    zone = node.labels["zone"]
    refused = {"node.labels.zone==a": zone != "a", "node.labels.zone!=b": zone == "b"}
    wants, has = web.reservations, node.resources
    return (
        node.state is NodeState.READY
        and node.availability in ("active", "new")
        and not any(refused.get(each, False) for each in web.constraints)
        and (not web.max_per_node or used[web.id] < web.max_per_node)
        and _fits(wants.nano_cpus, used["cpu"], has.nano_cpus)
        and _fits(wants.memory_bytes, used["memory"], has.memory_bytes)
    )


def _fits(wanted: int, used: int, has: int) -> bool:
    return not wanted or not has or used + wanted <= has
