"""Small fleets that generated misfortunes befall, and everything that healing did to them.

Each is played pass by pass through the real decider and the real brake: services fall sick
and get well, are released anew, are paused or freed by hand, numbers go wrong or missing,
nodes vanish and return, heals help or do not, and the process starts anew.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.decide import decide, recall
from autoscaler.heal_brake import HealBrake
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Fleet,
    FleetFacts,
    Memory,
    Node,
    NodeState,
    Observation,
    Quality,
    Rollout,
    Sample,
    Service,
    Task,
    TaskState,
)
from autoscaler.placement import Placement
from autoscaler.policy import Policy
from autoscaler.testing.builders import NOW, a_healer
from autoscaler.view import View

HIGHEST = 5.0
"""A number above it is a fault."""
UNKNOWN = (Quality.ERROR, Quality.NO_DATA, Quality.STALE, Quality.PARTIAL)


@dataclass
class Heal:
    """A heal as it happened, and what was known of the fleet then."""

    at: float
    action: Action
    tasks: tuple[Task, ...]
    service: Service
    number: Sample
    sick: int
    seen_wrong: int
    """In how many passes before this one its number was wrong."""
    wrong: int
    """Services whose number was wrong in the last pass over them."""
    watched: int
    nodes: tuple[NodeState, ...]

    @property
    def healthy(self) -> int:
        """How many tasks ran before it."""
        return sum(task.healthy for task in self.tasks)


@dataclass
class World:
    """A small fleet, and everything that was done to it."""

    chance: random.Random
    now: float = NOW
    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, tuple[Task, ...]] = field(default_factory=dict)
    numbers: dict[str, Sample] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    """Per service, in how many passes in a row its number was wrong."""
    memories: dict[str, Memory] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    known_nodes: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    """The nodes that were ready, at each turn when the state of all was known."""
    paused: set[str] = field(default_factory=set)
    freed: dict[str, float] = field(default_factory=dict)
    heals: list[Heal] = field(default_factory=list)
    starts: dict[str, list[int]] = field(default_factory=dict)
    """Per service, how many heals there had been whenever counting began anew."""
    policy: Policy = field(init=False)
    brake: HealBrake = field(init=False)
    placement: Placement = field(init=False)

    def __post_init__(self) -> None:
        self.policy = self.some_policy()
        for number in range(self.chance.choice([1, 3, 5])):
            self.nodes[f"n{number}"] = Node(id=f"n{number}", hostname=f"n{number}")
        for number in range(self.chance.randint(1, 6)):
            key = f"s{number}"
            self.services[key] = Service(
                id=key,
                name=key,
                version=1,
                replicas=self.chance.randint(1, 6),
                max_attempts=self.chance.choice([0, 1]),
                template="r0",
                at_once=self.chance.choice([0, 1, 1, 2]),
                start_first=self.chance.random() < 0.2,
            )
            self.number(key, 0.0)
            self.runs(key)
        self.brake = HealBrake(self.memories)

    def some_policy(self) -> Policy:
        """Most rules, with cures that they may have."""
        pause = self.chance.choice(["0s", "20s", "10m"])
        either: dict[str, Any] = {"then": self.chance.choice(["restart", "replace"])}
        if either["then"] == "replace" and self.chance.random() < 0.5:
            either["or"] = "restart"
        rules: list[dict[str, Any]] = [
            {"rule": "exhausted", "grace": "0s", "then": "restart"},
            {"rule": "crash_loop", "failures": 2, "then": "restart"},
            {"rule": "probe", "query": "x", "max": HIGHEST, "warm_up": "0s", **either},
            {"rule": "unhealthy_stuck", "grace": "30s", **either},
            {"rule": "max_age", "older_than": "20m", **either},
            {"rule": "imbalance", "max_skew": 1, "stable": "10s", "then": "rebalance"},
        ]
        few = self.chance.sample(rules, self.chance.randint(2, len(rules)))
        least = self.chance.choice([0, 0, 1, 2])
        entries = [{**rule, "cooldown": pause} for rule in few]
        return a_healer(*entries, services=["*"], disruption={"min_available": least})

    def number(self, key: str, value: float | None) -> None:
        """What the probe's query answers from now on; None for no good answer."""
        if value is None:
            quality = self.chance.choice(UNKNOWN)
            given = HIGHEST + 1 if quality is Quality.PARTIAL else None
            self.numbers[key] = Sample(quality=quality, value=given)
        else:
            self.numbers[key] = Sample(quality=Quality.VALUE, value=value)

    def runs(self, key: str, dead: int = 0, hangs: int = 0) -> None:
        """All tasks are new, and run but for some slots: dead for good, or on their way."""
        wanted = self.services[key].replicas or 0
        states = [TaskState.FAILED] * dead + [TaskState.STARTING] * hangs
        states = (states + [TaskState.RUNNING] * wanted)[:wanted]
        self.tasks[key] = tuple(self.a_task(key, n, state) for n, state in enumerate(states, 1))

    def a_task(self, key: str, slot: int, state: TaskState = TaskState.RUNNING) -> Task:
        dead = state is TaskState.FAILED
        return Task(
            id=f"{key}.{slot}.{self.now}",
            service_id=key,
            slot=slot,
            node_id=self.chance.choice([*self.nodes]),
            state=state,
            desired=TaskState.SHUTDOWN if dead else TaskState.RUNNING,
            exit_code=1 if dead else None,
            since=self.now,
            created_at=self.now,
            container_id=f"c{slot}.{self.now}",
        )

    def befall(self) -> None:
        """Something happens, mostly something bad."""
        key, event = self.chance.choice([*self.services]), self.chance.random()
        some = self.chance.randint(1, self.services[key].replicas or 1)
        if event < 0.35:
            self.runs(key, dead=some)
        elif event < 0.42:
            self.runs(key, hangs=some)
        elif event < 0.57:
            self.number(key, self.chance.choice([HIGHEST + 1, HIGHEST + 1, 0.0, None]))
        elif event < 0.62:
            self.runs(key)
        else:
            self.befall_from_outside(key, self.chance.random())

    def befall_from_outside(self, key: str, event: float) -> None:
        """What people and nodes do."""
        if event < 0.2:
            self.write(key, template=f"r{self.services[key].version}")
            self.starts.setdefault(key, []).append(self.count(key))
        elif event < 0.4:
            self.write(key, rollout=self.chance.choice([*Rollout]))
        elif event < 0.5:
            self.paused ^= {key}
        elif event < 0.6:
            self.freed[key] = self.now
        elif event < 0.85:
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
        states = {node.id: node.state for node in self.nodes.values()}
        if NodeState.UNKNOWN not in states.values():
            ready = frozenset(key for key, state in states.items() if state is NodeState.READY)
            self.known_nodes.append((self.now, ready))
        view = View()
        view.adopt(Fleet(at=self.now, services=self.services, tasks=self.tasks, nodes=self.nodes))
        self.placement = Placement(view.fleet())
        for key in self.services:
            self.look(key, view)

    def look(self, key: str, view: View) -> None:
        facts = self.brake.with_budget(FleetFacts(), self.now)
        memory = self.memories.setdefault(key, Memory())
        seen = Observation(
            now=self.now,
            service=self.services[key],
            tasks=self.tasks[key],
            symptoms={"probe": self.numbers[key]},
            hosts=self.placement.hosts(self.services[key]),
            agents=tuple(self.nodes),
            fleet=self.brake.with_fleet(facts, view, self.now),
            paused="by hand" if key in self.paused else None,
            released_at=self.freed.get(key),
        )
        after, decision = decide(self.policy, seen, memory)
        if self.chance.random() < 0.05:
            assert decide(self.policy, seen, memory) == (after, decision)
        freed = memory.healing.quarantine and not after.healing.quarantine
        if freed or after.healing.counted_from != memory.healing.counted_from:
            self.starts.setdefault(key, []).append(self.count(key))
        self.memories[key] = after
        if decision.action is not None:
            self.heal(decision, view)
        found = key not in self.paused and is_wrong(seen.symptoms["probe"])
        self.wrong[key] = self.wrong.get(key, 0) + 1 if found else 0

    def heal(self, decision: Decision, view: View) -> None:
        action = decision.action
        assert action is not None
        service = self.services[action.service_id]
        watched = [each for each in view.services.values() if each.id in self.memories]
        self.heals.append(
            Heal(
                at=self.now,
                action=action,
                tasks=self.tasks[service.id],
                service=service,
                number=self.numbers[service.id],
                sick=sum(self.looks_sick(each) for each in watched),
                seen_wrong=self.wrong.get(service.id, 0),
                wrong=sum(passes > 0 for passes in self.wrong.values()),
                watched=len(watched),
                nodes=tuple(node.state for node in self.nodes.values()),
            )
        )
        self.brake.begin(action, self.now)
        self.memories[service.id] = recall.after(self.memories[service.id], action, self.now)
        self.carry_out(action)

    def looks_sick(self, service: Service) -> bool:
        """Whether its tasks, or its update, show at a glance that something is wrong."""
        if service.rollout in (Rollout.UPDATING, Rollout.ROLLBACK_STARTED):
            return False
        fallen = any(task.state is TaskState.FAILED for task in self.tasks[service.id])
        return fallen or not service.rollout.settled

    def carry_out(self, action: Action) -> None:
        """A cure helps, or does not, or what it starts is as sick as what it stopped."""
        key, helps = action.service_id, self.chance.random() < 0.4
        if action.kind is Act.REPLACE:
            self.tasks[key] = tuple(
                self.a_task(key, task.slot) if task.id == action.task else task
                for task in self.tasks[key]
            )
        else:
            self.write(key, forced=action.forced)
            count = self.services[key].replicas or 0
            self.runs(key, dead=0 if helps else self.chance.randint(0, count))
        if helps:
            self.number(key, 0.0)


def is_wrong(number: Sample) -> bool:
    """Whether it is known to be too high."""
    return number.quality is Quality.VALUE and (number.value or 0.0) > HIGHEST


def history(seed: int, passes: int) -> World:
    """What became of one fleet."""
    world = World(random.Random(seed))
    for _ in range(passes):
        world.turn()
    return world
