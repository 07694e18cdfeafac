"""A write of ours that got no answer and shows late is ours, not a person's."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import recall
from autoscaler.decide.others import LATEST
from autoscaler.model import Act, Action, Scaled
from autoscaler.testing.builders import Watched, a_memory, a_policy, a_service, at_once, value

CONTENT, HIGH = {"load": value(600.0)}, {"load": value(900.0)}


def doubted(replicas: int, previous: int, **scale: Any) -> Watched:
    """A service whose change was sent, and was not there when it was looked for."""
    service = Watched(
        a_policy(behavior=at_once(), **scale), a_service(previous), a_memory(previous)
    )
    action = Action(
        kind=Act.SCALE,
        service_id="web-id",
        service="web",
        version=7,
        replicas=replicas,
        previous=previous,
    )
    service.memory = recall.doubted(service.memory, action, service.now)
    return service


def test_it_is_no_persons_change_and_counts_as_one_of_ours() -> None:
    service = doubted(6, previous=4)
    sent = service.now
    service.has(6)
    assert service.sees(CONTENT, after=LATEST).held_by is None
    assert service.memory.disturbed_at is None
    assert service.memory.scaled == (Scaled(at=sent, change=2),)
    assert service.sees(HIGH).action is not None


def test_it_counts_once() -> None:
    service = doubted(6, previous=4)
    service.has(6)
    service.sees(CONTENT, after=5)
    assert service.memory.doubt is None
    service.has(4)
    service.sees(CONTENT, after=5)
    service.has(6)
    assert service.sees(HIGH, after=5).held_by == "manual_change"


def test_a_service_that_it_switched_off_wakes_again() -> None:
    service = doubted(0, previous=1, min=0)
    service.has(0)
    service.sees({"load": value(0.0)})
    assert service.sees(HIGH).action is not None


@pytest.mark.parametrize(("replicas", "after"), [(6, LATEST + 0.1), (5, 1.0)])
def test_another_number_or_a_later_time_is_a_person(replicas: int, after: float) -> None:
    service = doubted(6, previous=4)
    service.has(replicas)
    assert service.sees(HIGH, after=after).held_by == "manual_change"
    assert service.memory.scaled == ()
