"""What every strategy promises, as tests that its author runs against it.

class TestMine(StrategyContract):
    name = "mine"

    @pytest.fixture
    def strategy(self) -> Strategy:
        return Mine(...)

The contract leads the strategy through readings of its own, of every kind that may come.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from autoscaler import records
from autoscaler.model import Memory, Recommendation, Sample, Service, TaskState
from autoscaler.ports import Reading, Strategy
from autoscaler.testing.builders import (
    NOW,
    a_service,
    observe,
    partial,
    per_task,
    some_tasks,
    value,
)
from autoscaler.testing.contracts.examples import examples

NUMBERS = (0.0, 1.0, 99.0, 100.0, 101.0, 450.0, 0.1, 1e-300, 1e9, 1e300, -5.0, 250.0)
NOT_ITS_OWN: tuple[Any, ...] = (0, -1, 1e300, True, "", "x", [], [1, {}], {}, {"x": [None]})
"""Memories that another strategy, or another version, may have left."""


class StrategyContract:
    """A strategy is a pure step over values, and its options are a model that explains itself."""

    name: ClassVar[str]
    """The name of the strategy's entry point: the key that policies write."""

    @pytest.fixture
    def strategy(self) -> Strategy:
        """A strategy with some options."""
        raise NotImplementedError

    @pytest.fixture
    def readings(self) -> Sequence[Reading]:
        """Passes over one service, one after the other; add those that yours is made for."""
        return [*some_readings()]

    @pytest.fixture
    def model(self, strategy: Strategy) -> BaseModel:
        """The strategy as the model of its options."""
        assert isinstance(strategy, BaseModel)
        return strategy

    def test_it_is_frozen_and_refuses_unknown_keys(self, model: BaseModel) -> None:
        for field in type(model).model_fields:
            with pytest.raises(ValidationError):
                setattr(model, field, getattr(model, field))
        written = model.model_dump(mode="json", exclude_unset=True)
        with pytest.raises(ValidationError):
            type(model).model_validate({**written, "no_such_option": 1})

    def test_its_options_are_the_same_once_written_and_read(self, model: BaseModel) -> None:
        for unset in (True, False):
            written = json.loads(json.dumps(model.model_dump(mode="json", exclude_unset=unset)))
            assert type(model).model_validate(written) == model

    def test_each_option_is_described(self, model: BaseModel) -> None:
        for name, field in type(model).model_fields.items():
            assert field.description, name

    def test_its_docstring_holds_an_example_that_loads(self, model: BaseModel) -> None:
        found = examples(type(model), self.name)
        assert found, f"no example that begins with `{self.name}:` in its docstring"
        for options in found:
            assert isinstance(type(model).model_validate(options), Strategy)

    def test_it_recommends_a_whole_number_or_says_why_not(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        for reading, (_, recommendation) in zip(readings, play(strategy, readings), strict=True):
            assert isinstance(recommendation, Recommendation)
            assert recommendation.name == reading.name
            assert recommendation.reason
            assert recommendation.replicas is None or type(recommendation.replicas) is int
            assert (recommendation.replicas or 0) >= 0

    def test_the_same_values_give_the_same_step(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        assert play(strategy, readings) == play(strategy, readings)
        memory: Any = None
        for reading in readings:
            once = strategy.step(memory, reading)
            assert strategy.step(memory, reading) == once
            memory = once[0]

    def test_another_instance_with_the_same_options_takes_the_same_steps(
        self, strategy: Strategy, model: BaseModel, readings: Sequence[Reading]
    ) -> None:
        twin: Any = type(model).model_validate(model.model_dump(mode="json"))
        assert play(twin, readings) == play(strategy, readings)

    def test_a_step_changes_nothing_that_it_was_given(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        memory: Any = None
        for reading in readings:
            given, seen = copy.deepcopy(memory), copy.deepcopy(reading)
            after, _ = strategy.step(memory, reading)
            assert (memory, reading) == (given, seen)
            memory = after

    def test_its_memory_is_the_same_once_stored_and_read(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        for memory, _ in play(strategy, readings):
            assert json.loads(json.dumps(memory, allow_nan=False)) == memory
            kept = Memory(strategies={"metric": memory})
            assert records.load_memory(records.dump(kept)) == kept

    def test_a_restart_at_any_step_changes_nothing(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        memory: Any = None
        for reading, expected in zip(readings, play(strategy, readings), strict=True):
            assert strategy.step(memory, reading) == expected
            memory = json.loads(json.dumps(expected[0]))

    def test_its_memory_does_not_grow_for_ever(
        self, strategy: Strategy, readings: Sequence[Reading]
    ) -> None:
        sizes = [len(json.dumps(memory)) for memory, _ in play(strategy, [*readings] * 20)]
        assert max(sizes) <= 64 * 1024

    @pytest.mark.parametrize("memory", NOT_ITS_OWN, ids=repr)
    def test_a_memory_that_is_not_its_own_is_no_error(
        self, strategy: Strategy, readings: Sequence[Reading], memory: Any
    ) -> None:
        for reading in readings:
            after, recommendation = strategy.step(memory, reading)
            assert recommendation.name == reading.name
            strategy.step(after, reading)


def play(strategy: Strategy, readings: Sequence[Reading]) -> list[tuple[Any, Recommendation]]:
    """The steps over some readings, each with the memory of the one before."""
    memory, steps = None, []
    for reading in readings:
        memory, recommendation = strategy.step(memory, reading)
        steps.append((memory, recommendation))
    return steps


def some_readings() -> Iterator[Reading]:
    """Known samples of every kind, of services of several sizes, a pass every 15 s."""
    times = (NOW + 15.0 * number for number in range(10_000))
    for service in _services():
        for number in NUMBERS:
            yield _reading(next(times), service, value(number, at=NOW))
        yield _reading(next(times), service, partial(450.0))
        yield _reading(next(times), service, per_task(10.0, None, 300.0, of=100.0))
        yield _reading(next(times), service, per_task(of=100.0))
        yield _reading(next(times), service, value(100.0), tasks=None)


def _services() -> Iterator[Service]:
    for replicas in (3, 1, 0, 100):
        yield a_service(replicas)
    yield a_service(3, running=None)
    yield a_service(3, running=0)


def _reading(now: float, service: Service, sample: Sample, **changes: Any) -> Reading:
    running = some_tasks(min(service.running or 0, 3))
    starting = replace(some_tasks(4)[3], state=TaskState.STARTING)
    seen = observe(
        service, {"metric": sample}, now=now, **{"tasks": (*running, starting), **changes}
    )
    return Reading(name="metric", sample=sample, observation=seen)
