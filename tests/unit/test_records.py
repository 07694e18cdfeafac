"""What is dumped loads as an equal value."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler import records
from autoscaler.errors import Invalid
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Intent,
    Memory,
    Observation,
    Quality,
    Record,
    Run,
    Sample,
    Scaled,
    Service,
)

# Text that UTF-8 can hold, numbers that JSON can hold.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=4,
)
st.register_type_strategy(float, numbers)
st.register_type_strategy(str, text)
st.register_type_strategy(
    Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind)), max_size=2)
)
memories = st.builds(Memory, strategies=st.dictionaries(text, json_values, max_size=2))
exactly = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(memories)
@exactly
def test_a_memory_comes_back_as_it_was(memory: Memory) -> None:
    assert records.load_memory(records.dump(memory)) == memory


@given(st.builds(Observation))
@exactly
def test_an_observation_comes_back_as_it_was(observation: Observation) -> None:
    assert records.load_observation(records.dump(observation)) == observation


@given(st.builds(Decision))
@exactly
def test_a_decision_comes_back_as_it_was(decision: Decision) -> None:
    assert records.load_decision(records.dump(decision)) == decision


@given(st.builds(Intent))
@exactly
def test_an_intent_comes_back_as_it_was(intent: Intent) -> None:
    assert records.load_intent(records.dump(intent)) == intent


@given(
    st.builds(
        Record, policy=st.dictionaries(text, json_values, max_size=2), memory=st.just(Memory())
    )
)
@exactly
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert records.load_record(records.dump(record)) == record


@given(memories)
@exactly
def test_the_text_is_one_line_of_json_and_stable(memory: Memory) -> None:
    text = records.dump(memory)
    assert "\n" not in text
    assert isinstance(json.loads(text), dict)
    assert records.dump(records.load_memory(text)) == text


def test_zero_none_and_false_stay_different_things() -> None:
    for memory in (Memory(), Memory(replicas=0), Memory(strategies={"a": [0, 0.0, None, False]})):
        loaded = records.load_memory(records.dump(memory))
        assert repr(loaded) == repr(memory)


def test_infinity_is_never_turned_into_not_known() -> None:
    loaded = records.load_memory(records.dump(Memory(missing_since=math.inf)))
    assert loaded.missing_since == math.inf


def test_what_would_not_load_again_is_refused_at_once() -> None:
    with pytest.raises(Invalid, match="Memory cannot be stored"):
        records.dump(Memory(replicas="many"))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="Memory cannot be stored"):
        records.dump(Memory(strategies=MappingProxyType({"cpu": 1})))


def test_a_whole_number_is_good_for_a_fraction() -> None:
    assert records.load_memory(records.dump(Memory(missing_since=3))) == Memory(missing_since=3.0)


def test_tuples_and_words_come_back_as_what_they_were() -> None:
    sample = Sample(quality=Quality.PARTIAL, value=1.0)
    seen = Observation(
        now=1.0, service=Service(id="1", name="web", version=1), tasks=(), samples={"a": sample}
    )
    loaded = records.load_observation(records.dump(seen))
    assert loaded.tasks == ()
    assert loaded.samples["a"].quality is Quality.PARTIAL
    hash(loaded.service.networks)


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    newer = json.loads(records.dump(Memory(replicas=3)))
    newer["mood"] = {"good": True}
    assert records.load_memory(json.dumps(newer)) == Memory(replicas=3)


def test_a_field_that_an_older_version_lacked_takes_its_default() -> None:
    assert records.load_memory('{"replicas": 3}') == Memory(replicas=3)


def test_a_missing_field_without_a_default_is_named() -> None:
    with pytest.raises(Invalid, match="not a Intent of this version: id: this key is required"):
        records.load_intent('{"at": 1.0, "policy": "web"}')


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "7", '{"replicas": "many"}'])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Memory"):
        records.load_memory(text)


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="Memory cannot be stored"):
        records.dump(Memory(strategies={"cpu": value}))


def test_a_word_of_a_newer_version_is_refused_with_its_place() -> None:
    action = Action(
        kind=Act.SCALE, service_id="1", service="web", version=1, replicas=2, previous=1
    )
    newer = records.dump(action).replace('"scale"', '"teleport"')
    with pytest.raises(Invalid, match="kind: expected "):
        records.load(Action, newer)


def test_ten_thousand_memories_load(record_property: Callable[[str, object], None]) -> None:
    runs = tuple(Run(replicas=n, since=n / 3, until=n / 7) for n in range(6))
    busy = Memory(replicas=3, recommendations=runs, scaled=(Scaled(at=1.5, change=1),) * 4)
    lines = [records.dump(busy)] * 10_000
    started = time.process_time()
    loaded = [records.load_memory(line) for line in lines]
    record_property("loaded", f"in {time.process_time() - started:.2f} s of CPU")
    assert loaded == [busy] * 10_000
