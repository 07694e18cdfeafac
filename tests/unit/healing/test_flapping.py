"""What `flapping` finds: Nagios' weighted share of changes, over histories in virtual time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.healing.flapping import Flapping
from autoscaler.model import Finding, Health, Rollout, Task, TaskState
from autoscaler.testing.builders import NOW, a_service, a_task
from autoscaler.testing.checkups import ended, examine

RULE = Flapping()
START = NOW - NOW % 60.0
DOWN = (ended(1), a_task(2, TaskState.STARTING, slot=1))
UP = (ended(1), a_task(2, slot=1))
WEIGHTS = [0.75 + 0.5 * n / 19 for n in range(20)]
"""Of the 20 changes that 21 looks can differ by, the oldest first."""


def looks(
    states: str, memory: Any = None, start: float = START, rule: Flapping = RULE, **more: Any
) -> tuple[Any, list[Finding | None]]:
    """One look a minute, `+` for up and `-` for down; what is remembered, and each finding."""
    findings = []
    for minute, state in enumerate(states):
        tasks = UP if state == "+" else DOWN
        now = start + 60.0 * minute
        memory, finding = examine(rule, *tasks, memory=memory, now=now, **more)
        findings.append(finding)
    return memory, findings


def share(states: str) -> float:
    """Percent of changes by Nagios' formula, over the last 21 looks and the ups before them."""
    window = ("+" * 21 + states)[-21:]
    changed = [before != after for before, after in pairwise(window)]
    return 100 * sum(w for w, did in zip(WEIGHTS, changed, strict=True) if did) / 20


@pytest.mark.parametrize("pattern", ["+" * 40, "-" * 40, "+-" + "+" * 38, "-" * 9 + "+" * 20])
def test_one_fall_is_no_flapping_however_long_it_lasts(pattern: str) -> None:
    assert not any(looks(pattern)[1])


def test_two_falls_within_a_few_minutes_are_flapping() -> None:
    _, findings = looks("+-+-")
    assert [finding is not None for finding in findings] == [False, False, False, False]
    _, findings = looks("+-+-+")
    assert findings[-1] is not None
    assert findings[-1].state is Health.DEGRADED
    assert findings[-1].reason == "it goes down and up: 24 % of its last 21 looks differ"


@pytest.mark.parametrize("pattern", ["+-" * 30, "++-" * 20, "+++--" * 12, "-" * 7 + "+-+" * 9])
def test_it_begins_at_high_and_ends_below_low(pattern: str) -> None:
    pattern += "+" * 30
    _, findings = looks(pattern)
    flaps = False
    for number, finding in enumerate(findings, start=1):
        percent = share(pattern[:number])
        flaps = percent >= (5.0 if flaps else 20.0)
        assert (finding is not None) is flaps, (number, percent)
    assert any(findings)
    assert findings[-1] is None


def test_a_service_that_was_always_up_is_not_remembered() -> None:
    memory, _ = looks("++++")
    assert memory is None
    memory, _ = looks("+-+-" + "+" * 21)
    assert memory is None


LOOKS = {"turn": int(NOW // 60), "states": "+-" * 10 + "+", "flaps": True}


@pytest.mark.parametrize(
    "wrong",
    [
        *("ab", 7, [1, "+", True], {}),
        *({**LOOKS, "turn": "1"}, {**LOOKS, "states": 5}, {**LOOKS, "flaps": 1}),
        *({**LOOKS, "states": "+" * 20}, {**LOOKS, "states": "?" * 21}),
    ],
)
def test_a_memory_that_cannot_be_read_counts_as_none(wrong: Any) -> None:
    assert examine(RULE, *UP, memory=LOOKS)[1] is not None
    assert examine(RULE, *UP, memory=wrong) == (None, None)


def test_looks_within_one_turn_are_one_and_down_counts() -> None:
    memory: Any = None
    for second, tasks in enumerate([UP, DOWN, UP, DOWN, UP] * 4):
        memory, _ = examine(RULE, *tasks, memory=memory, now=START + second)
    assert memory["states"] == "+" * 20 + "-"


def test_what_was_before_a_heal_or_a_release_does_not_count() -> None:
    memory, findings = looks("+-+-+-")
    assert findings[-1] is not None
    healed = START + 6 * 60
    memory, findings = looks("+", memory, start=healed + 5, since=healed)
    assert (memory, findings) == (None, [None])


def test_a_rollout_under_way_is_no_fall() -> None:
    rolling = a_service(1, rollout=Rollout.UPDATING)
    memory, findings = looks("+-+-+-+-", service=rolling)
    assert memory is None
    assert not any(findings)


@pytest.mark.parametrize(
    "tasks",
    [
        (a_task(2, TaskState.STARTING, slot=2),),
        (ended(1, TaskState.SHUTDOWN), a_task(2, TaskState.STARTING, slot=1)),
        (ended(1, desired=TaskState.REMOVE),),
        (ended(1, node_ready=False), a_task(2, TaskState.STARTING, slot=1)),
    ],
    ids=["scaled up", "stopped on purpose", "scaled away", "its node is lost"],
)
def test_a_task_that_did_not_end_by_itself_is_no_fall(tasks: tuple[Task, ...]) -> None:
    memory = None
    for minute in range(10):
        shown = tasks if minute % 2 else (a_task(1),)
        memory, finding = examine(RULE, *shown, memory=memory, now=START + 60.0 * minute)
        assert finding is None
    assert memory is None


def test_low_is_not_above_high() -> None:
    with pytest.raises(ValidationError, match="low: 30 is above high: 20"):
        Flapping(low=30.0)
