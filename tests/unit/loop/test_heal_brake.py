"""The fleet's brake on healing, by itself and around the loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.heal_brake import HealBrake
from autoscaler.model import (
    Act,
    Attempt,
    Fleet,
    FleetFacts,
    Healing,
    Memory,
    Node,
    NodeState,
    Service,
    Task,
    TaskState,
)
from autoscaler.testing.builders import NOW
from autoscaler.testing.scenario import Scenario
from autoscaler.view import View

HEALER = {
    "name": "healer",
    "services": ["*"],
    "heal": [{"rule": "exhausted", "then": "restart"}],
}


def service(number: int, **changes: Any) -> Service:
    made = Service(id=f"s{number}", name=f"s{number}", version=1, replicas=2, max_attempts=1)
    return replace(made, **changes)


def tasks(number: int, sick: bool) -> tuple[Task, ...]:
    runs = Task(
        id=f"s{number}.1",
        service_id=f"s{number}",
        slot=1,
        state=TaskState.RUNNING,
        desired=TaskState.RUNNING,
        node_id="node1",
    )
    ended = {"state": TaskState.FAILED, "desired": TaskState.SHUTDOWN} if sick else {}
    return (runs, replace(runs, id=f"s{number}.2", slot=2, **ended))  # type: ignore[arg-type]


def view(count: int, sick: int, *nodes: NodeState) -> View:
    found = View()
    services = {f"s{n}": service(n) for n in range(count)}
    listed = {f"s{n}": tasks(n, n < sick) for n in range(count)}
    made = {str(n): Node(id=str(n), hostname=f"n{n}", state=s) for n, s in enumerate(nodes)}
    found.adopt(Fleet(at=NOW, services=services, tasks=listed, nodes=made))
    return found


def facts(seen: View, memories: dict[str, Memory] | None = None) -> FleetFacts:
    known = memories or {key: Memory() for key in seen.services}
    return HealBrake(known).with_fleet(FleetFacts(), seen, NOW)


@pytest.mark.parametrize(
    ("count", "sick", "stops"),
    [(1, 1, False), (2, 2, False), (3, 3, True), (10, 3, False), (10, 4, True), (100, 39, False)],
)
def test_much_sickness_at_once_is_nobodys_own(count: int, sick: int, stops: bool) -> None:
    assert (facts(view(count, sick)).heal_stop is not None) is stops


READY, DOWN, UNKNOWN = NodeState.READY, NodeState.DOWN, NodeState.UNKNOWN


@pytest.mark.parametrize(
    ("nodes", "stops"),
    [
        ([READY, DOWN, DOWN], False),
        ([READY, READY, DOWN, DOWN, DOWN], True),
        ([READY, READY, READY, DOWN, DOWN, DOWN], False),
        ([READY, READY, UNKNOWN], True),
    ],
)
def test_nodes_that_are_lost_or_unknown_stop_healing(nodes: list[NodeState], stops: bool) -> None:
    assert (facts(view(10, 1, *nodes)).heal_stop is not None) is stops


def tried(ago: float) -> Memory:
    return Memory(healing=Healing(attempts=(Attempt(at=NOW - ago, act=Act.RESTART, rule="r"),)))


@pytest.mark.parametrize(
    ("failed", "ago", "stops"), [(3, 120.0, True), (2, 120.0, False), (3, 30.0, False)]
)
def test_a_cure_that_failed_on_three_services_is_tried_on_no_other(
    failed: int, ago: float, stops: bool
) -> None:
    memories = {f"s{n}": tried(ago) if n < failed else Memory() for n in range(20)}
    found = facts(view(20, 5), memories).failed_cures
    assert found == ((Act.RESTART,) if stops else ())


def test_services_that_no_policy_covers_do_not_count() -> None:
    assert facts(view(10, 4), {"s0": Memory()}).heal_stop is None


def test_nor_do_those_that_none_covers_any_more() -> None:
    seen = view(10, 4)
    brake = HealBrake({key: Memory() for key in seen.services})
    brake.watches("s0", covered=False)
    assert brake.with_fleet(FleetFacts(), seen, NOW).heal_stop is None
    brake.watches("s0", covered=True)
    assert brake.with_fleet(FleetFacts(), seen, NOW).heal_stop is not None


def test_the_budget_survives_a_restart() -> None:
    brake = HealBrake({"s0": tried(4.0)})
    assert brake.with_budget(FleetFacts(), NOW).heal_at == NOW + 6.0


# around the loop


def sicken(scene: Scenario, *numbers: int) -> None:
    for number in numbers:
        now = scene.clock()
        sick = [replace(task, since=now - 60) for task in tasks(number, sick=True)]
        scene.swarm.tasks[f"s{number}"] = tuple(sick)


async def test_of_several_sick_services_one_is_healed_at_a_time() -> None:
    async with Scenario(*(service(n) for n in range(9)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0, 1)
        await scene.cycle(5)
        assert [action.kind for action in scene.swarm.applied] == [Act.RESTART]
        await scene.cycle(5)
        assert len(scene.swarm.applied) == 1
        await scene.cycle(5)
        healed = [action.service_id for action in scene.swarm.applied]
        assert sorted(healed) == ["s0", "s1"]


async def test_a_sick_fleet_is_left_alone_with_the_reason() -> None:
    async with Scenario(*(service(n) for n in range(5)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0, 1, 2)
        await scene.cycles(10)
        assert scene.swarm.applied == []
        decision = await scene.last("s0")
        assert decision.held_by == "fleet_stop"
        assert "3 of 5 services are sick at once" in decision.reason


async def test_sick_services_that_lost_their_policy_do_not_stop_the_others_heals() -> None:
    async with Scenario(*(service(n) for n in range(5)), policies=[HEALER]) as scene:
        await scene.cycle()
        scene.rewrite([{**HEALER, "services": ["s3", "s4"]}])
        sicken(scene, 0, 1, 2, 3)
        await scene.cycles(3)
        assert [action.service_id for action in scene.swarm.applied] == ["s3"]


async def test_a_restart_whose_answer_was_lost_is_not_made_twice() -> None:
    async with Scenario(*(service(n) for n in range(4)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0)
        scene.swarm.lose_answers = True
        await scene.cycle()
        scene.swarm.lose_answers = False
        sicken(scene, 0)
        await scene.cycles(3)
        assert [action.forced for action in scene.swarm.applied] == [1]
        assert scene.memories["s0"].healing.attempts


async def test_a_process_that_starts_anew_remembers_what_it_tried() -> None:
    async with Scenario(*(service(n) for n in range(4)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0)
        await scene.cycle()
        await scene.restart()
        sicken(scene, 0)
        await scene.cycles(3)
        assert len(scene.swarm.applied) == 1
        assert (await scene.last("s0")).held_by == "heal_cooldown"


async def test_a_restart_that_did_not_happen_waits_its_turn() -> None:
    async with Scenario(*(service(n) for n in range(4)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0)
        asked: list[object] = []

        async def refuse(action: object) -> Service:
            asked.append(action)
            raise OutcomeUnknown("no answer")

        scene.swarm.apply = refuse  # type: ignore[method-assign]
        await scene.cycles(5)
        assert len(asked) == 1


async def test_a_restart_that_nobody_could_be_asked_for_is_asked_for_again_soon() -> None:
    async with Scenario(*(service(n) for n in range(4)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0)
        swarm, asked = scene.swarm.apply, list[object]()

        async def refuse(action: object) -> Service:
            asked.append(action)
            raise Temporary("the swarm does not have a leader")

        scene.swarm.apply = refuse  # type: ignore[method-assign]
        await scene.cycles(8, 15.0)
        assert len(asked) == 4
        assert scene.memories["s0"].healing.attempts == ()
        assert "does not have a leader" in (await scene.last("s0")).reason
        scene.swarm.apply = swarm  # type: ignore[method-assign]
        await scene.cycles(2, 15.0)
        assert len(scene.swarm.applied) == 1


async def test_the_decision_tells_why_a_restart_was_refused() -> None:
    async with Scenario(*(service(n) for n in range(4)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0)

        async def refuse(action: object) -> Service:
            raise Permanent("denied by the proxy")

        scene.swarm.apply = refuse  # type: ignore[method-assign]
        await scene.cycles(3)
        decision = await scene.last("s0")
        assert decision.held_by in ("heal_backoff", "heal_cooldown")
        assert "which failed: denied by the proxy" in decision.reason


async def test_a_heal_that_was_under_way_when_the_process_ended_draws_from_the_budget() -> None:
    async with Scenario(*(service(n) for n in range(9)), policies=[HEALER]) as scene:
        await scene.cycle()
        sicken(scene, 0, 1)
        scene.swarm.lose_answers = True
        await scene.cycle(5)
        scene.swarm.lose_answers = False
        await scene.restart()
        await scene.cycle(5)
        assert len(scene.swarm.applied) == 1
        await scene.cycle(5)
        assert len(scene.swarm.applied) == 2
