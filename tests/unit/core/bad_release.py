"""A bad release of a service, and what is known of those before it."""

from __future__ import annotations

from typing import Any

from autoscaler.decide import decide, recall
from autoscaler.model import (
    Decision,
    Healing,
    Memory,
    Observation,
    Releases,
    Revision,
    Rollout,
    Service,
    Task,
)
from autoscaler.policy import Policy
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_service,
    observe,
    some_tasks,
)

STUCK = {"rule": "stuck_update", "then": "rollback"}
BAD = a_service(
    4, template="bad", rollout=Rollout.PAUSED, rollout_message="task x", rollout_started=NOW - 20
)
KEPT = (
    Revision(release="old", at=NOW - 9000.0, image="app:0"),
    Revision(release="good", at=NOW - 5000.0, image="app:1"),
)
CAME = Releases(current="bad", since=NOW - 30.0, tasks_from=NOW - 30.0, before="good")


def knows(releases: Releases = CAME, **more: Any) -> Healing:
    return Healing(release=releases.current, releases=releases, **more)


def seen(service: Service = BAD, tasks: tuple[Task, ...] | None = None, **more: Any) -> Observation:
    listed = some_tasks(4) if tasks is None else tasks
    return observe(service, tasks=listed, **{"revisions": KEPT, **more})


def step(
    policy: Policy, observation: Observation, healing: Healing | None = None
) -> tuple[Memory, Decision]:
    memory = a_memory(4, healing=knows() if healing is None else healing)
    return decide(policy, observation, memory)


def done(memory: Memory, decision: Decision, now: float = NOW) -> Memory:
    assert decision.action is not None
    return recall.after(memory, decision.action, now)


def bakes(known: Releases, service: Service, policy: Policy, **more: Any) -> Releases:
    memory, _ = step(policy, seen(service, **more), knows(known))
    return memory.healing.releases
