"""A service with a slot that Swarm has given up, and what is known of its heals."""

from __future__ import annotations

from typing import Any

from autoscaler.decide import decide
from autoscaler.model import (
    Act,
    Attempt,
    Decision,
    Healing,
    Observation,
    Service,
    Task,
    TaskState,
)
from autoscaler.policy import Policy
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_service,
    a_task,
    observe,
)

EXHAUSTED = {"rule": "exhausted", "then": "restart"}
SERVICE = a_service(3, max_attempts=1, template="r1")
KNOWN = Healing(release="r1")


def dead(number: int, ago: float = 30.0) -> Task:
    """A slot's last task, that Swarm does not replace."""
    return a_task(
        number,
        TaskState.FAILED,
        desired=TaskState.SHUTDOWN,
        since=NOW - ago,
        exit_code=1,
    )


SICK = (dead(1), a_task(2), a_task(3))


def seen(
    service: Service = SERVICE, tasks: tuple[Task, ...] | None = SICK, **more: Any
) -> Observation:
    return observe(service, tasks=tasks, **more)


def step(
    policy: Policy, observation: Observation, healing: Healing = KNOWN
) -> tuple[Healing, Decision]:
    memory, decision = decide(policy, observation, a_memory(healing=healing))
    return memory.healing, decision


def attempt(ago: float, rule: str = "exhausted") -> Attempt:
    return Attempt(at=NOW - ago, act=Act.RESTART, rule=rule, release="r1")
