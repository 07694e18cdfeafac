"""Every healing rule keeps the contract."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.healing.alert import Alert
from autoscaler.healing.crash_loop import CrashLoop
from autoscaler.healing.exhausted import Exhausted
from autoscaler.healing.flapping import Flapping
from autoscaler.healing.image_missing import ImageMissing
from autoscaler.healing.imbalance import Imbalance
from autoscaler.healing.max_age import MaxAge
from autoscaler.healing.memory_leak import MemoryLeak
from autoscaler.healing.node_lost import NodeLost
from autoscaler.healing.probe import Probe
from autoscaler.healing.stuck_update import StuckUpdate
from autoscaler.healing.unhealthy_stuck import UnhealthyStuck
from autoscaler.healing.unschedulable import Unschedulable
from autoscaler.model import Host, NodeState, Sample, Task, TaskState
from autoscaler.ports import Checkup, HealingRule
from autoscaler.testing.builders import NOW, a_service, a_task, observe, per_task, some_tasks, value
from autoscaler.testing.checkups import ended
from autoscaler.testing.contracts.healing import HealingContract, some_checkups


def over(*tasks: Task, sample: Sample | None = None, **more: Any) -> Checkup:
    """A checkup of a service with one replica."""
    seen = observe(a_service(1), tasks=tasks, **more)
    return Checkup(name="test", observation=seen, sample=sample)


class TestCrashLoop(HealingContract):
    name = "crash_loop"

    @pytest.fixture(params=[{}, {"failures": 2, "within": "2m"}], ids=str)
    def rule(self, request: pytest.FixtureRequest) -> HealingRule:
        return CrashLoop.model_validate(request.param)


class TestExhausted(HealingContract):
    name = "exhausted"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Exhausted()


class TestUnhealthyStuck(HealingContract):
    name = "unhealthy_stuck"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return UnhealthyStuck()

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        hangs = a_task(1, TaskState.STARTING, since=NOW - 900)
        return [*some_checkups(), over(hangs)]


class TestFlapping(HealingContract):
    name = "flapping"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Flapping()

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        falls, stands = ended(1), a_task(1)
        minutes = range(0, 3600, 60)
        return [over(falls if minute % 180 else stands, now=NOW + minute) for minute in minutes]


class TestNodeLost(HealingContract):
    name = "node_lost"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return NodeLost()

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        hosts = {"node-1": Host(name="one", state=NodeState.DOWN)}
        return [*some_checkups(), over(a_task(1, node_ready=False), hosts=hosts)]


class TestProbe(HealingContract):
    name = "probe"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Probe(min=1.0)

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        fails, whole = (per_task(0.0), value(0.0))
        probed = [replace(each, sample=value(1.0)) for each in some_checkups()]
        return [*probed, over(a_task(1), sample=fails), over(a_task(1), sample=whole)]


class TestMaxAge(HealingContract):
    name = "max_age"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return MaxAge.model_validate({"older_than": "48h"})

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        return [*some_checkups(), over(a_task(1, created_at=NOW - 3 * 86_400))]


class TestAlert(HealingContract):
    name = "alert"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Alert(match={"alertname": "Slow"})

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        return [*some_checkups(), *(over(a_task(1), sample=value(n)) for n in (0.0, 1.0))]


class TestMemoryLeak(HealingContract):
    name = "memory_leak"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return MemoryLeak(limit=80.0)

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        minutes = range(60)
        return [
            over(a_task(1), sample=per_task(float(minute)), now=NOW + 60.0 * minute)
            for minute in minutes
        ]


class TestImbalance(HealingContract):
    name = "imbalance"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Imbalance(max_skew=1)

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        hosts = {key: Host(name=key) for key in ("node-1", "node-2")}
        seen = observe(a_service(2), tasks=some_tasks(2), hosts=hosts)
        waits = (0, 60, 300, 900)
        later = [Checkup(name="test", observation=replace(seen, now=NOW + n)) for n in waits]
        return [*some_checkups(), *later]


class TestStuckUpdate(HealingContract):
    name = "stuck_update"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return StuckUpdate()


class TestUnschedulable(HealingContract):
    name = "unschedulable"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Unschedulable()


class TestImageMissing(HealingContract):
    name = "image_missing"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return ImageMissing()

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        refused = a_task(1, TaskState.REJECTED, error="No such image: web:2", since=NOW - 5)
        return [*some_checkups(), over(refused)]
