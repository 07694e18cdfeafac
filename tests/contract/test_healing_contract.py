"""Every healing rule keeps the contract."""

from collections.abc import Sequence

import pytest

from autoscaler.healing.crash_loop import CrashLoop
from autoscaler.healing.exhausted import Exhausted
from autoscaler.healing.image_missing import ImageMissing
from autoscaler.healing.stuck_update import StuckUpdate
from autoscaler.healing.unschedulable import Unschedulable
from autoscaler.model import TaskState
from autoscaler.ports import Checkup, HealingRule
from autoscaler.testing.builders import NOW, a_service, a_task, observe
from autoscaler.testing.contracts.healing import HealingContract, some_checkups


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
        seen = observe(a_service(1), tasks=(refused,))
        return [*some_checkups(), Checkup(name="test", observation=seen)]
