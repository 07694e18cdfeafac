"""What agent and controller take from each other, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.agent import messages
from autoscaler.agent.messages import (
    LONGEST,
    Answer,
    Beat,
    Containers,
    Events,
    Goodbye,
    Happened,
    Hello,
    Kind,
    Refused,
    Result,
    Running,
    Statistics,
    Stop,
    Used,
    Welcome,
)

EVENT = Happened(kind=Kind.DIE, container="c", task="t", service="s", at=5, exit_code=137)
FROM_AGENT = [
    Hello(node="n", hostname="host", instance="i", release="1.0", verbs=("stop",)),
    Containers(running=(Running(container="c", task="t", service="s", health="healthy"),), more=2),
    Events(events=(EVENT,)),
    Statistics(cores=4, memory=1e9, used=(Used(task="t", service="s", at=1.5, cpu=2.5),)),
    Beat(),
    Answer(id="r", result=Result.UNKNOWN, reason="no answer"),
]
FROM_CONTROLLER = [
    Welcome(since=17),
    Goodbye(reason="no"),
    Stop(id="r", within=10, service="s", task="t", container="c"),
]


@pytest.mark.parametrize("message", FROM_AGENT, ids=lambda each: each.type)
def test_what_an_agent_says_arrives_as_it_was(message: Any) -> None:
    assert messages.from_agent(messages.encode(message)) == message


@pytest.mark.parametrize("message", FROM_CONTROLLER, ids=lambda each: each.type)
def test_what_the_controller_says_arrives_as_it_was(message: Any) -> None:
    assert messages.from_controller(messages.encode(message)) == message


def changed(**keys: Any) -> str:
    return json.dumps({**json.loads(messages.encode(FROM_AGENT[0])), **keys})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("[]", "malformed"),
        ("null", "malformed"),
        ("[" * 100_000, "malformed"),
        ('{"v": 1}', "unknown"),
        ('{"v": 1, "type": "order"}', "unknown"),
        (messages.encode(FROM_CONTROLLER[2]), "unknown"),
        (changed(v=2), "version"),
        (changed(v="1"), "version"),
        (changed(more=1), "malformed"),
        (changed(node=""), "malformed"),
        (changed(node="n" * 129), "malformed"),
        (changed(node="../../etc"), "malformed"),
        (changed(node=7), "malformed"),
        (changed(hostname="h" * 501), "malformed"),
        ('{"v":1,"type":"statistics","cores":NaN,"memory":1,"used":[]}', "malformed"),
        ('{"v":1,"type":"statistics","cores":-1,"memory":1,"used":[]}', "malformed"),
        ('{"v":1,"type":"beat"}' + " " * LONGEST, "oversize"),
    ],
)
def test_what_is_not_understood_is_refused_with_one_of_a_few_words(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        messages.from_agent(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize(("kind", "most"), [("containers", 1000), ("events", 256)])
def test_lists_are_bounded(kind: str, most: int) -> None:
    one = Running(container="c", task="t", service="s") if kind == "containers" else EVENT
    key = "running" if kind == "containers" else "events"
    entry = one.model_dump(mode="json")

    def text(count: int) -> str:
        return json.dumps({"v": 1, "type": kind, key: [entry] * count})

    messages.from_agent(text(most))
    with pytest.raises(Refused, match="malformed"):
        messages.from_agent(text(most + 1))


def test_a_message_of_as_many_containers_as_fit_is_not_too_long() -> None:
    full = Running(container="c" * 64, task="t" * 25, service="s" * 25, health="unhealthy")
    assert len(messages.encode(Containers(running=(full,) * 1000))) < LONGEST
    used = Used(task="t" * 25, service="s" * 25, at=1.7e9 + 1 / 3, cpu=1e6 / 3, memory=1e11 / 3)
    text = messages.encode(Statistics(cores=64.0, memory=1e12, used=(used,) * 1000))
    assert len(text) < LONGEST


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(message=st.sampled_from(FROM_AGENT), key=st.sampled_from(["type", "v", "x"]), wrong=JSON)
def test_a_message_with_anything_in_it_is_understood_or_refused(
    message: Any, key: str, wrong: Any
) -> None:
    document = {**json.loads(messages.encode(message)), key: wrong}
    reason = "understood"
    try:
        messages.from_agent(json.dumps(document))
    except Refused as error:
        reason = error.reason
    assert reason in {"understood", "malformed", "unknown", "version"}


@given(st.text())
def test_any_text_is_understood_or_refused(text: str) -> None:
    with pytest.raises(Refused):
        messages.from_agent(text)
