"""Whatever befalls a fleet, healing keeps to its brakes: histories of generated misfortunes.

Each history is a fleet with one policy that heals at once, played pass by pass through the
real decider and the real brake: services fall sick and get well, are released anew, are
paused or freed by hand, nodes vanish, heals help or do not, and the process starts anew.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from autoscaler.decide import decide, recall
from autoscaler.heal_brake import HealBrake
from autoscaler.model import (
    Action,
    Decision,
    Fleet,
    FleetFacts,
    Memory,
    Node,
    NodeState,
    Observation,
    Rollout,
    Service,
    Task,
    TaskState,
)
from autoscaler.policy import Policy
from autoscaler.testing.builders import NOW, a_healer
from autoscaler.view import View

HISTORIES = int(os.environ.get("BRAKE_HISTORIES", "10000"))
GROUPS = 20
PASSES = 20
BUDGET = 10.0
AFTER = 3


@dataclass
class Heal:
    """A heal as it happened, and what was known of the fleet then."""

    at: float
    action: Action
    healthy: int
    service: Service
    sick: int
    watched: int
    nodes: tuple[NodeState, ...]


@dataclass
class World:
    """A small fleet, and everything that was done to it."""

    chance: random.Random
    now: float = NOW
    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, tuple[Task, ...]] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    freed: dict[str, float] = field(default_factory=dict)
    heals: list[Heal] = field(default_factory=list)
    starts: dict[str, list[int]] = field(default_factory=dict)
    """Per service, how many heals there had been whenever counting began anew."""
    policy: Policy = field(init=False)
    brake: HealBrake = field(init=False)

    def __post_init__(self) -> None:
        least = self.chance.choice([0, 0, 1, 2])
        pause = self.chance.choice(["0s", "20s", "10m"])
        rules: list[dict[str, Any]] = [
            {"rule": "exhausted", "grace": "0s", "then": "restart", "cooldown": pause},
            {"rule": "crash_loop", "failures": 2, "then": "restart", "cooldown": pause},
        ]
        self.policy = a_healer(*rules, services=["*"], disruption={"min_available": least})
        for number in range(self.chance.randint(1, 6)):
            key = f"s{number}"
            self.services[key] = Service(
                id=key,
                name=key,
                version=1,
                replicas=self.chance.randint(1, 4),
                max_attempts=1,
                template="r0",
                at_once=self.chance.choice([0, 1, 1, 2]),
                start_first=self.chance.random() < 0.2,
            )
            self.runs(key)
        for number in range(self.chance.choice([1, 3, 5])):
            self.nodes[f"n{number}"] = Node(id=f"n{number}", hostname=f"n{number}")
        self.brake = HealBrake(self.memories)

    def runs(self, key: str, dead: int = 0) -> None:
        """All tasks run, but for some slots that Swarm has given up just now."""
        service = self.services[key]
        self.tasks[key] = tuple(
            Task(
                id=f"{key}.{slot}.{self.now}",
                service_id=key,
                slot=slot,
                state=TaskState.FAILED if slot <= dead else TaskState.RUNNING,
                desired=TaskState.SHUTDOWN if slot <= dead else TaskState.RUNNING,
                exit_code=1 if slot <= dead else None,
                since=self.now,
                created_at=self.now - 90.0,
            )
            for slot in range(1, (service.replicas or 0) + 1)
        )

    def befall(self) -> None:
        """Something happens, mostly something bad."""
        key = self.chance.choice([*self.services])
        service = self.services[key]
        event = self.chance.random()
        if event < 0.5:
            self.runs(key, dead=self.chance.randint(1, service.replicas or 1))
        elif event < 0.6:
            self.runs(key)
        elif event < 0.67:
            self.write(key, template=f"r{service.version}")
            self.starts.setdefault(key, []).append(self.count(key))
        elif event < 0.75:
            self.write(key, rollout=self.chance.choice([*Rollout]))
        elif event < 0.8:
            self.paused ^= {key}
        elif event < 0.85:
            self.freed[key] = self.now
        elif event < 0.93:
            node = self.chance.choice([*self.nodes])
            state = self.chance.choice([NodeState.READY, NodeState.DOWN, NodeState.UNKNOWN])
            self.nodes[node] = replace(self.nodes[node], state=state)
        else:
            # A new process knows what was stored, and nothing else.
            self.brake = HealBrake(self.memories)

    def write(self, key: str, **changes: object) -> None:
        service = self.services[key]
        made = replace(service, version=service.version + 1, **changes)  # type: ignore[arg-type]
        self.services[key] = made

    def count(self, key: str) -> int:
        return sum(heal.service.id == key for heal in self.heals)

    def turn(self) -> None:
        """Time passes, and each service has its pass."""
        self.now += self.chance.choice([1.0, 5.0, 15.0, 60.0, 700.0])
        for _ in range(self.chance.choice([0, 1, 1, 3])):
            self.befall()
        view = View()
        view.adopt(Fleet(at=self.now, services=self.services, tasks=self.tasks, nodes=self.nodes))
        for key in self.services:
            self.look(key, view)

    def look(self, key: str, view: View) -> None:
        facts = self.brake.with_budget(FleetFacts())
        memory = self.memories.setdefault(key, Memory())
        seen = Observation(
            now=self.now,
            service=self.services[key],
            tasks=self.tasks[key],
            fleet=self.brake.with_fleet(facts, view, self.now),
            paused="by hand" if key in self.paused else None,
            released_at=self.freed.get(key),
        )
        after, decision = decide(self.policy, seen, memory)
        if self.chance.random() < 0.05:
            assert decide(self.policy, seen, memory) == (after, decision)
        if memory.healing.quarantine and not after.healing.quarantine:
            self.starts.setdefault(key, []).append(self.count(key))
        if after.healing.counted_from != memory.healing.counted_from:
            self.starts.setdefault(key, []).append(self.count(key))
        self.memories[key] = after
        if decision.action is not None:
            self.heal(decision, view)

    def heal(self, decision: Decision, view: View) -> None:
        action = decision.action
        assert action is not None
        service = self.services[action.service_id]
        self.heals.append(
            Heal(
                at=self.now,
                action=action,
                healthy=sum(task.healthy for task in self.tasks[service.id]),
                service=service,
                sick=sum(
                    not service.rollout.settled
                    or any(not task.healthy for task in self.tasks[service.id])
                    for service in view.services.values()
                    if service.id in self.memories
                    and service.rollout is not Rollout.UPDATING
                    and service.rollout is not Rollout.ROLLBACK_STARTED
                ),
                watched=sum(key in self.memories for key in view.services),
                nodes=tuple(node.state for node in self.nodes.values()),
            )
        )
        self.brake.begin(action, self.now)
        self.memories[service.id] = recall.after(self.memories[service.id], action, self.now)
        self.write(service.id, forced=action.forced)
        helps = self.chance.random() < 0.4
        self.runs(service.id, dead=0 if helps else self.chance.randint(0, service.replicas or 0))


def history(seed: int) -> World:
    world = World(random.Random(seed))
    for _ in range(PASSES):
        world.turn()
    return world


@pytest.fixture(scope="module", params=range(GROUPS))
def worlds(request: pytest.FixtureRequest) -> list[World]:
    """A share of the histories."""
    share = HISTORIES // GROUPS
    return [history(seed) for seed in range(request.param * share, (request.param + 1) * share)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_brakes_hold_in_every_history(worlds: list[World]) -> None:
    for world in worlds:
        one_at_a_time(world)
        never_in_a_sick_fleet(world)
        enough_stays(world)
        only_what_may_be_written(world)
        ends_in_quarantine(world)
        waits_longer_each_time(world)
    assert sum(len(world.heals) for world in worlds) > len(worlds)


def one_at_a_time(world: World) -> None:
    for first, second in pairwise(world.heals):
        assert second.at >= first.at + BUDGET


def never_in_a_sick_fleet(world: World) -> None:
    for heal in world.heals:
        lost = sum(state is not NodeState.READY for state in heal.nodes)
        assert NodeState.UNKNOWN not in heal.nodes
        assert lost < 3 or lost < 0.55 * len(heal.nodes)
        assert heal.sick < 3 or heal.sick < 0.4 * heal.watched


def enough_stays(world: World) -> None:
    least = world.policy.disruption.min_available
    for heal in world.heals:
        at_once = heal.service.at_once or heal.healthy
        taken = 0 if heal.service.start_first else min(at_once, heal.healthy)
        assert not taken or heal.healthy - taken >= least


def only_what_may_be_written(world: World) -> None:
    for heal in world.heals:
        assert heal.service.rollout.settled
        assert heal.action.forced == heal.service.forced + 1
        assert heal.action.replicas == heal.action.previous == heal.service.replicas


def ends_in_quarantine(world: World) -> None:
    """Between two fresh starts a service is healed so often, and no more."""
    for key in world.services:
        marks = [0, *world.starts.get(key, ()), world.count(key)]
        for begun, ended in pairwise(marks):
            assert ended - begun <= AFTER


def waits_longer_each_time(world: World) -> None:
    for key in world.services:
        mine = [heal for heal in world.heals if heal.service.id == key]
        marks = set(world.starts.get(key, ()))
        run = 0
        for index, heal in enumerate(mine):
            run = 0 if index in marks else run
            if run:
                assert heal.at >= mine[index - 1].at + min(10.0 * 2 ** (run - 1), 300.0)
            run += 1
