"""Whatever befalls a service, its releases are taken back by the rules: generated histories."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace

import pytest

from autoscaler import records
from autoscaler.decide import decide, recall, releases
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Memory,
    Observation,
    Quality,
    Revision,
    Rollout,
    Sample,
    Service,
    Task,
    TaskState,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import NOW, a_service, observe, unknown, value

HISTORIES = int(os.environ.get("RELEASE_HISTORIES", "10000"))
GROUPS = 20
PASSES = 40
BLAME = 3600.0
CHECK = {"name": "errors", "query": "errors", "max": 0.1, "failure_limit": 1}
POLICY = {
    "name": "p",
    "services": ["web"],
    "heal": [
        {"rule": "stuck_update", "deadline": "1m", "then": "rollback", "cooldown": "1m"},
        {"rule": "crash_loop", "failures": 2, "then": "rollback", "or": "restart"},
    ],
    "release": {
        "bake": "1m",
        "watch": "2m",
        "warmup": "10s",
        "interval": "10s",
        "keep": 3,
        "blame": "1h",
        "checks": [CHECK],
    },
}
ANSWERS = (value(0.0), value(0.0), value(0.9), unknown(), unknown(Quality.ERROR, "down"))


@dataclass
class Done:
    """A rollback as it happened."""

    action: Action
    seen: Observation
    failed: frozenset[str]
    since: float


@dataclass
class World:
    """One service, and everything that happens to it."""

    chance: random.Random
    now: float = NOW
    service: Service = field(default_factory=lambda: a_service(3, template="r0"))
    tasks: tuple[Task, ...] = ()
    memory: Memory = field(default_factory=Memory)
    kept: tuple[Revision, ...] = ()
    answer: Sample = field(default_factory=lambda: value(0.0))
    done: list[Done] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    since: float = NOW
    released: int = 0
    least: int = 0

    def __post_init__(self) -> None:
        self.least = self.chance.choice([0, 0, 1, 3])
        disruption = {"quarantine_after": 100, "min_available": self.least}
        self.policy = parse_policy({**POLICY, "disruption": disruption})
        self.write(start_first=self.chance.random() < 0.5, at_once=self.chance.choice([0, 1, 2]))
        self.runs()

    def runs(self, failing: int = 0) -> None:
        """Some of its tasks have ended, and others run in their places."""
        count = self.service.replicas or 0
        ended = [self.task(n, TaskState.FAILED, self.now) for n in range(1, failing + 1)]
        self.tasks = (*(self.task(n, TaskState.RUNNING) for n in range(1, count + 1)), *ended)

    def task(self, slot: int, state: TaskState, since: float = 0.0) -> Task:
        ended = state is TaskState.FAILED
        return Task(
            id=f"{slot}.{state}.{self.now}",
            service_id="web-id",
            slot=slot,
            state=state,
            desired=TaskState.SHUTDOWN if ended else TaskState.RUNNING,
            exit_code=1 if ended else None,
            since=since or self.now - 1.0,
            created_at=self.now - self.chance.choice([0.5, 0.5, 100.0]),
        )

    def befall(self) -> None:
        event = self.chance.random()
        if event < 0.2:
            self.deploy()
        elif event < 0.3:
            self.write(rollout=self.chance.choice([*Rollout]), rollout_started=self.now)
        elif event < 0.4:
            self.write(replicas=self.chance.randint(1, 5))
            self.runs()
        elif event < 0.6:
            self.runs(failing=self.chance.randint(0, 3))
        elif event < 0.8:
            self.answer = self.chance.choice(ANSWERS)
        elif event < 0.9:
            # A new process knows what was stored, and nothing else.
            self.memory = records.load_memory(records.dump(self.memory))

    def deploy(self) -> None:
        self.released += 1
        old = [f"r{number}" for number in range(self.released)]
        release = self.chance.choice([f"r{self.released}"] * 3 + old[-3:])
        state = self.chance.choice([Rollout.UPDATING, Rollout.PAUSED, Rollout.NONE])
        if release != self.service.template:
            self.since = self.now
        self.write(template=release, rollout=state, rollout_started=self.now, updated_at=self.now)

    def write(self, **changes: object) -> None:
        version = self.service.version + 1
        self.service = replace(self.service, version=version, **changes)  # type: ignore[arg-type]

    def turn(self) -> None:
        self.now += self.chance.choice([1.0, 10.0, 15.0, 70.0, 700.0])
        for _ in range(self.chance.choice([0, 1, 2])):
            self.befall()
        seen = observe(
            self.service,
            now=self.now,
            tasks=self.tasks if self.chance.random() < 0.9 else None,
            checks={"errors": replace(self.answer, at=self.now)},
            revisions=self.kept,
            unsettled="not known" if self.chance.random() < 0.05 else None,
        )
        before = self.memory
        self.memory, decision = decide(self.policy, seen, before)
        assert decide(self.policy, seen, before) == (self.memory, decision)
        known = self.memory.healing.releases
        if releases.to_keep(known, self.policy, self.kept):
            others = [each for each in self.kept if each.release != known.current]
            self.kept = (*others, Revision(release=known.current, at=self.now))[-3:]
        if decision.action is not None:
            self.act(decision, seen)

    def act(self, decision: Decision, seen: Observation) -> None:
        action = decision.action
        assert action is not None
        if action.kind is Act.ROLLBACK:
            self.done.append(Done(action, seen, frozenset(self.failed), self.since))
        if self.chance.random() < 0.1:
            self.memory = recall.refused(self.memory, action, self.now)
            return
        self.memory = recall.after(self.memory, action, self.now)
        if action.kind is Act.ROLLBACK:
            self.failed.add(seen.service.template)
            self.since = self.now
            self.write(template=action.release, rollout=Rollout.UPDATING, rollout_started=self.now)
        else:
            self.write(forced=action.forced)


def history(seed: int) -> World:
    world = World(random.Random(seed))
    for _ in range(PASSES):
        world.turn()
    return world


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", range(GROUPS))
def test_releases_are_taken_back_by_the_rules_in_every_history(group: int) -> None:
    share = HISTORIES // GROUPS
    worlds = [history(seed) for seed in range(group * share, (group + 1) * share)]
    for world in worlds:
        for done in world.done:
            never_toggles(done)
            writes_what_was_meant(done)
            blames_what_is_to_blame(done)
            enough_stays(done, world.least)
    assert sum(len(world.done) for world in worlds) > share / 4


def never_toggles(done: Done) -> None:
    """Once for each release, to a good one that never failed, and not to itself."""
    kept = {each.release for each in done.seen.revisions}
    assert done.seen.service.template not in done.failed
    assert done.action.release in kept - done.failed - {done.seen.service.template}


def writes_what_was_meant(done: Done) -> None:
    action, service = done.action, done.seen.service
    assert (action.replicas, action.previous) == (service.replicas, service.replicas)
    assert action.version == service.version
    assert done.seen.unsettled is None
    assert service.rollout is not Rollout.ROLLBACK_STARTED
    assert action.over is (Rollout.NONE if service.rollout.settled else service.rollout)


def blames_what_is_to_blame(done: Done) -> None:
    """Not what came long ago, but for the time until somebody looks."""
    assert done.seen.now - done.since <= BLAME + 700.0


def enough_stays(done: Done, least: int) -> None:
    """Of the tasks that it may stop, for as long as it is known which these are."""
    service, tasks = done.seen.service, done.seen.tasks
    if not least:
        return
    assert tasks is not None
    runs = [task for task in tasks if task.healthy]
    new = [task for task in runs if task.created_at >= service.rollout_started]
    stopped = len(runs if service.rollout.settled else new)
    taken = 0 if service.start_first else min(service.at_once or stopped, stopped)
    assert not taken or len(runs) - taken >= least
