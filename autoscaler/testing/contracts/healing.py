"""What every healing rule promises, as tests that its author runs against it.

class TestMine(HealingContract):
    name = "mine"

    @pytest.fixture
    def rule(self) -> HealingRule:
        return Mine(...)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from autoscaler import plugins
from autoscaler.model import Act, Finding, Health, Observation, Rollout, TaskState
from autoscaler.policy import parse_policy
from autoscaler.ports import Checkup, HealingRule
from autoscaler.testing.builders import NOW, a_service, a_task, observe, some_tasks
from autoscaler.testing.contracts.examples import examples

NOT_ITS_OWN: tuple[Any, ...] = (0, -1, True, "", "x", [], [1, {}], {}, {"x": [None]}, {"x": 1})
"""Memories that another rule, or another version, may have left."""


def some_checkups() -> list[Checkup]:
    """Passes over a service that is well, falls sick in several ways, and is well again."""
    service = a_service(3, max_attempts=1)
    well = observe(service, tasks=some_tasks(3))
    crashed = tuple(_ended(number) for number in range(1, 9))
    gone = observe(service, tasks=(_ended(1), *some_tasks(3)[1:]))
    waiting = a_task(4, TaskState.PENDING, error="no suitable node (1 node)")
    paused = observe(a_service(3, rollout=Rollout.PAUSED), tasks=some_tasks(3))
    seen = [
        well,
        gone,
        observe(service, tasks=crashed),
        observe(service, tasks=(*some_tasks(3), waiting)),
        observe(service, tasks=()),
        observe(a_service(0), tasks=()),
        observe(a_service(None), tasks=some_tasks(2)),
        paused,
        well,
    ]
    return [_later(each, NOW + 15.0 * n) for n, each in enumerate(seen)]


def _ended(number: int) -> Any:
    return a_task(
        number,
        TaskState.FAILED,
        desired=TaskState.SHUTDOWN,
        since=NOW - 30.0,
        exit_code=1,
        error="task: non-zero exit (1)",
    )


def _later(seen: Observation, now: float) -> Checkup:
    return Checkup(name="test", observation=observe(seen.service, tasks=seen.tasks, now=now))


class HealingContract:
    """A rule is a pure step over values, and its options are a model that explains itself."""

    name: ClassVar[str]
    """The name of the rule's entry point: what policies write after `rule:`."""

    @pytest.fixture
    def rule(self) -> HealingRule:
        """A rule with some options."""
        raise NotImplementedError

    @pytest.fixture
    def checkups(self) -> Sequence[Checkup]:
        """Passes over one service, one after the other; add those that yours is made for."""
        return some_checkups()

    def test_it_is_found_by_its_name(self, rule: HealingRule) -> None:
        assert plugins.load("healing", self.name) is type(rule)
        assert isinstance(rule, HealingRule)

    def test_its_options_are_a_frozen_model_that_refuses_unknown_keys(
        self, rule: HealingRule
    ) -> None:
        assert isinstance(rule, BaseModel)
        assert type(rule).model_config.get("frozen")
        with pytest.raises(ValidationError):
            type(rule).model_validate({"no such option": 1})

    def test_every_option_has_its_sentence(self, rule: HealingRule) -> None:
        assert isinstance(rule, BaseModel)
        for key, field in type(rule).model_fields.items():
            assert field.description, f"{key} needs a docstring below it"

    def test_the_examples_in_its_documentation_load(self, rule: HealingRule) -> None:
        found = examples(type(rule), "heal")
        assert found, "show in the module's docstring how to write it"
        for example in found:
            policy = {"name": "example", "services": ["web"], "heal": example}
            assert parse_policy(policy).heal[0].check is not None

    def test_it_names_cures_that_there_are(self, rule: HealingRule) -> None:
        assert rule.cures
        assert rule.cures <= set(Act) - {Act.SCALE}

    def test_it_finds_nothing_wrong_with_a_service_that_is_well(self, rule: HealingRule) -> None:
        seen = observe(a_service(3), tasks=some_tasks(3))
        memory = None
        for _ in range(5):
            memory, finding = rule.examine(memory, Checkup(name="test", observation=seen))
            assert finding is None

    def test_it_is_pure(self, rule: HealingRule, checkups: Sequence[Checkup]) -> None:
        assert _play(rule, checkups) == _play(rule, checkups)

    def test_its_memory_is_a_small_json_value(
        self, rule: HealingRule, checkups: Sequence[Checkup]
    ) -> None:
        for memory, _ in _play(rule, checkups):
            text = json.dumps(memory, allow_nan=False)
            assert json.loads(text) == memory
            assert len(text) < 64_000

    def test_a_finding_has_a_reason_and_a_state_that_is_sick_or_healthy_for_now(
        self, rule: HealingRule, checkups: Sequence[Checkup]
    ) -> None:
        found = [finding for _, finding in _play(rule, checkups) if finding]
        assert found, "add checkups in which it finds something"
        for finding in found:
            assert finding.state.sick or finding.state is Health.HEALTHY
            assert finding.reason

    @pytest.mark.parametrize("memory", NOT_ITS_OWN, ids=repr)
    def test_a_memory_that_is_not_its_own_counts_as_none(
        self, rule: HealingRule, checkups: Sequence[Checkup], memory: Any
    ) -> None:
        for checkup in checkups:
            assert rule.examine(memory, checkup) == rule.examine(None, checkup)


def _play(rule: HealingRule, checkups: Sequence[Checkup]) -> list[tuple[Any, Finding | None]]:
    memory: Any = None
    seen = []
    for checkup in checkups:
        memory, finding = rule.examine(memory, checkup)
        seen.append((memory, finding))
    return seen
