"""What healing rules look at, and one step of a rule, for tests.

memory, finding = examine(CrashLoop(), ended(1), ended(2), a_task(3))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoscaler.model import Finding, Host, Sample, Service, Task, TaskState
from autoscaler.ports import Checkup, HealingRule
from autoscaler.testing.builders import NOW, a_service, a_task, observe


def ended(
    number: int,
    state: TaskState = TaskState.FAILED,
    *,
    slot: int = 1,
    ago: float = 30.0,
    **more: Any,
) -> Task:
    """A task of a slot that ended by itself, so many seconds ago."""
    since = NOW - ago
    given = {"desired": TaskState.SHUTDOWN, "exit_code": 1, "since": since, "created_at": since - 1}
    return a_task(number, state, slot=slot, **{**given, **more})


def examine(
    rule: HealingRule,
    *tasks: Task,
    service: Service | None = None,
    memory: Any = None,
    now: float = NOW,
    since: float = 0.0,
    sample: Sample | None = None,
    hosts: Mapping[str, Host] | None = None,
) -> tuple[Any, Finding | None]:
    """One step of a rule, by default over `web` with one replica."""
    seen = observe(service or a_service(1), tasks=tasks, now=now, hosts=hosts)
    checkup = Checkup(name="test", observation=seen, since=since, sample=sample)
    return rule.examine(memory, checkup)


def found(rule: HealingRule, *tasks: Task, **more: Any) -> Finding | None:
    """What a rule finds that looks for the first time."""
    return examine(rule, *tasks, **more)[1]
