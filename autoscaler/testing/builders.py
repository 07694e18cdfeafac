"""Values for tests, with good defaults: say only what the test is about.

policy = a_policy(min=2, max=20, metrics=[a_metric("load", average_value=100)])
seen = observe(a_service(replicas=3), {"load": value(450.0)})
memory, decision = decide(policy, seen, a_memory(replicas=3))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.decide import decide, recall
from autoscaler.model import (
    Decision,
    Memory,
    Observation,
    Quality,
    Run,
    Sample,
    Service,
    Task,
    TaskState,
    TaskValue,
)
from autoscaler.policy import Policy, parse_policy

NOW = 1_700_000_000.0
"""The time of a test that does not say another, in Unix seconds."""
LONG_AGO = NOW - 86_400.0
"""Before any window or cool-down that ends at NOW."""


def a_service(replicas: int | None = 3, **changes: Any) -> Service:
    """A replicated service named `web` that has settled."""
    service = Service(id="web-id", name="web", version=7, replicas=replicas, running=replicas)
    return replace(service, **changes)


def a_task(number: int = 1, state: TaskState = TaskState.RUNNING, **changes: Any) -> Task:
    """A healthy task of `web`, named `task-<number>`, that has been running for a day."""
    task = Task(
        id=f"task-{number}",
        service_id="web-id",
        slot=number,
        state=state,
        desired=TaskState.RUNNING,
        node_id="node-1",
        since=LONG_AGO,
        created_at=LONG_AGO,
    )
    return replace(task, **changes)


def some_tasks(count: int, **changes: Any) -> tuple[Task, ...]:
    """Tasks `task-1` to `task-<count>`."""
    return tuple(a_task(number, **changes) for number in range(1, count + 1))


def value(number: float, at: float | None = None) -> Sample:
    """A fresh, finite answer."""
    return Sample(quality=Quality.VALUE, value=number, at=at)


def partial(number: float, at: float | None = None) -> Sample:
    """A finite answer that came with a warning."""
    return Sample(quality=Quality.PARTIAL, value=number, at=at, detail="a store did not answer")


def unknown(quality: Quality = Quality.NO_DATA, detail: str = "") -> Sample:
    """An answer without a value."""
    return Sample(quality=quality, detail=detail)


def per_task(*numbers: float | None, of: float | None = None, at: float | None = None) -> Sample:
    """Values of `task-1`, `task-2`, ...; None stands for a task that gave no sample."""
    values = {
        f"task-{index}": TaskValue(value=number, of=of, at=at, window=60.0)
        for index, number in enumerate(numbers, start=1)
    }
    return Sample(quality=Quality.VALUE, tasks=values)


def a_metric(name: str = "load", *, source: Mapping[str, Any] | None = None, **target: Any) -> Any:
    """One entry of `metrics:`; each replica shall carry 100 unless `target` says otherwise."""
    asked = {"source": "prometheus", "query": f"{name}_total"} if source is None else source
    return {"name": name, **asked, "target": target or {"average_value": 100}}


def a_policy_document(
    *,
    metrics: Sequence[Mapping[str, Any]] | None = None,
    policy: Mapping[str, Any] | None = None,
    **scale: Any,
) -> dict[str, Any]:
    """A policy for `web` as a person writes it; keywords are the keys of `scale:`."""
    asked = [a_metric()] if metrics is None else list(metrics)
    scaling = {"min": 1, "max": 10, "metrics": asked, **scale}
    return {"name": "web-policy", "services": ["web"], "scale": scaling, **(policy or {})}


def a_policy(
    *,
    metrics: Sequence[Mapping[str, Any]] | None = None,
    policy: Mapping[str, Any] | None = None,
    **scale: Any,
) -> Policy:
    """The policy of `a_policy_document`."""
    return parse_policy(a_policy_document(metrics=metrics, policy=policy, **scale))


def a_healer(*heal: Mapping[str, Any], **policy: Any) -> Policy:
    """A policy for `web` that only heals: entries of `heal:`, and more keys of the policy."""
    document = {"name": "web-policy", "services": ["web"], "heal": list(heal), **policy}
    return parse_policy(document)


def at_once() -> dict[str, Any]:
    """A `behavior:` without windows and with rates that are never reached."""
    rules = [{"percent": 1_000_000, "period": "1s"}, {"replicas": 1_000_000, "period": "1s"}]
    pace = {"stabilization": "0s", "policies": rules}
    return {"scale_up": pace, "scale_down": pace}


def observe(
    service: Service | None = None,
    samples: Mapping[str, Sample] | None = None,
    *,
    now: float = NOW,
    **changes: Any,
) -> Observation:
    """What a pass sees of a service, by default `web` with 3 replicas and no samples."""
    seen = Observation(
        now=now, service=a_service() if service is None else service, samples=samples or {}
    )
    return replace(seen, **changes)


def a_memory(replicas: int | None = 3, **changes: Any) -> Memory:
    """A service that has been watched for long, and about which nothing is special."""
    runs = (Run(replicas=replicas or 0, since=LONG_AGO, until=LONG_AGO),)
    return replace(Memory(replicas=replicas, recommendations=runs), **changes)


@dataclass
class Watched:
    """One service from pass to pass in virtual time, its actions done as they are decided.

    watched = Watched(a_policy(max=20))
    decision = watched.sees({"load": value(900.0)}, after=15)
    """

    policy: Policy
    service: Service = field(default_factory=a_service)
    memory: Memory = field(default_factory=Memory)
    now: float = NOW

    def sees(self, samples: Mapping[str, Sample], *, after: float = 15, **changes: Any) -> Decision:
        """One pass, `after` seconds after the last one."""
        self.now += after
        observation = observe(self.service, samples, now=self.now, **changes)
        self.memory, decision = decide(self.policy, observation, self.memory)
        if decision.action is not None:
            self.memory = recall.after(self.memory, decision.action, self.now)
            self.has(decision.action.replicas)
        return decision

    def has(self, replicas: int) -> None:
        """Somebody sets the number of replicas."""
        version = self.service.version + 1
        self.service = replace(self.service, replicas=replicas, version=version)

    @property
    def replicas(self) -> int:
        """How many replicas the service's spec asks for now."""
        return self.service.replicas or 0
