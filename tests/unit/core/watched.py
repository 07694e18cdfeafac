"""A service in virtual time whose releases are watched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.decide import decide, recall
from autoscaler.model import (
    Act,
    Decision,
    Memory,
    Phase,
    Revision,
    Sample,
    Service,
    Watch,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import (
    NOW,
    a_service,
    observe,
    some_tasks,
    value,
)

ERRORS = {"name": "errors", "query": "errors", "max": 0.05, "failure_limit": 2}
SLOWER = {"name": "slower", "query": "latency", "max_increase": 50}
RELEASE = {"watch": "5m", "warmup": "1m", "interval": "30s", "bake": "2m", "checks": [ERRORS]}
KEPT = (Revision(release="r1", at=NOW - 9000.0, image="app:1"),)
FINE, BROKEN = value(0.01), value(0.5)


def release(**changes: Any) -> dict[str, Any]:
    return {**RELEASE, **changes}


@dataclass
class World:
    """One service in virtual time, its actions done as they are decided."""

    release: dict[str, Any] = field(default_factory=lambda: dict(RELEASE))
    scale: dict[str, Any] | None = None
    service: Service = field(default_factory=lambda: a_service(4, template="r1"))
    memory: Memory = field(default_factory=Memory)
    now: float = NOW
    samples: dict[str, Sample] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    healthy: int = 4

    def __post_init__(self) -> None:
        document: dict[str, Any] = {"name": "p", "services": ["web"], "release": self.release}
        self.policy = parse_policy(document | ({"scale": self.scale} if self.scale else {}))
        self.passes(20)

    def passes(self, count: int, after: float = 15.0, **checks: Sample) -> Decision:
        """So many passes, whose checks are answered so, and freshly."""
        for _ in range(count):
            self.now += after
            fresh = {name: replace(each, at=self.now) for name, each in checks.items()}
            seen = observe(
                self.service,
                {name: replace(each, at=self.now) for name, each in self.samples.items()},
                now=self.now,
                tasks=some_tasks(self.healthy),
                checks=fresh,
                revisions=KEPT,
            )
            self.memory, decision = decide(self.policy, seen, self.memory)
            self.decisions.append(decision)
            if decision.action is not None:
                self.does(decision)
        return self.decisions[-1]

    def does(self, decision: Decision) -> None:
        action = decision.action
        assert action is not None
        self.memory = recall.after(self.memory, action, self.now)
        if action.kind is Act.ROLLBACK:
            self.write(template=action.release)
        else:
            self.write(replicas=action.replicas)

    def write(self, **changes: Any) -> None:
        version = self.service.version + 1
        self.service = replace(self.service, version=version, **changes)

    def deploy(self, template: str = "r2", **changes: Any) -> None:
        self.write(template=template, **changes)

    @property
    def watch(self) -> Watch:
        found = self.memory.healing.releases.watch
        assert found is not None
        return found

    def phase(self) -> Phase:
        return self.watch.phase

    @property
    def proved(self) -> bool:
        return self.memory.healing.releases.proved

    @property
    def acts(self) -> list[Act]:
        return [each.action.kind for each in self.decisions if each.action is not None]

    @property
    def tells(self) -> list[str]:
        return [told for each in self.decisions for told in each.tells]
