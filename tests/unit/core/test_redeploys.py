"""A deploy that resets the replicas is put right; a person who changes them is not fought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.decide import recall
from autoscaler.decide.others import GIVEN_UP, PATIENCE, TOGETHER
from autoscaler.model import Act, Action, Changed, Reset, Rollout
from autoscaler.testing.builders import (
    NOW,
    Watched,
    a_memory,
    a_policy,
    a_service,
    at_once,
    unknown,
    value,
)

LOAD = {"load": value(800.0)}
CONTENT = {"load": value(200.0)}
LONG_AGO = NOW - 3600.0


def watched(replicas: int = 8, **scale: Any) -> Watched:
    """A service of a stack, at a release, that has been watched for long."""
    policy = a_policy(**{"behavior": at_once(), **scale})
    service = a_service(replicas, template="v1", updated_at=LONG_AGO)
    return Watched(policy, service, a_memory(replicas, template="v1"))


def writes(service: Watched, replicas: int, **changes: Any) -> float:
    """Somebody writes the service a second after the last pass."""
    at = service.now + 1
    service.has(replicas)
    service.service = replace(service.service, updated_at=at, **changes)
    return at


# a new release


def test_a_release_that_resets_the_replicas_is_put_right_at_once() -> None:
    service = watched(8)
    writes(service, 2, template="v2")
    decision = service.sees(CONTENT)
    assert service.replicas == 8
    assert decision.reason == "a deploy reset 8 to 2: they are put back"
    assert service.memory.disturbed_at is None


def test_a_single_replica_that_a_deploy_leaves_is_no_switch() -> None:
    service = watched(8)
    writes(service, 1, template="v2")
    service.sees(CONTENT)
    assert service.replicas == 8


def test_a_deploy_that_leaves_the_replicas_resets_nothing() -> None:
    service = watched(8)
    at = writes(service, 2)
    service.sees(CONTENT, after=1, stack_updates=(at, LONG_AGO))
    writes(service, 8, template="v2")
    service.sees({"load": value(800.0)}, after=1)
    assert (service.memory.reset, service.memory.changed) == (None, None)


def test_it_waits_for_the_rollout_to_settle() -> None:
    service = watched(8)
    writes(service, 2, template="v2", rollout=Rollout.UPDATING)
    assert service.sees(CONTENT).held_by == "rollout"
    service.service = replace(service.service, rollout=Rollout.COMPLETED)
    service.sees(CONTENT, after=120)
    assert service.replicas == 8


def test_it_needs_no_metrics_and_keeps_no_pace() -> None:
    slow = {"stabilization": "1h", "select": "disabled"}
    service = watched(8, behavior={"scale_up": slow, "scale_down": slow})
    writes(service, 2, template="v2")
    service.sees({"load": unknown()})
    assert service.replicas == 8


def test_it_goes_no_further_than_the_bounds() -> None:
    service = watched(8)
    service.policy = a_policy(max=5, behavior=at_once())
    writes(service, 2, template="v2")
    service.sees(CONTENT)
    assert service.replicas == 5


def test_after_it_the_metrics_have_their_way_again() -> None:
    service = watched(8)
    writes(service, 2, template="v2")
    service.sees(CONTENT)
    service.sees(CONTENT)
    assert service.replicas == 2


def test_what_metrics_ask_for_beyond_it_comes_after_it() -> None:
    paced = {**at_once(), "scale_up": {"policies": [{"replicas": 1, "period": "15s"}]}}
    service = watched(8, behavior=paced)
    writes(service, 2, template="v2")
    service.sees({"load": value(1000.0)})
    assert service.replicas == 8
    service.sees({"load": value(1000.0)}, after=15)
    assert service.replicas == 9


def test_a_deploy_that_adds_replicas_is_nobodys_wish_for_a_number() -> None:
    service = watched(3)
    writes(service, 6, template="v2")
    service.sees(CONTENT)
    assert service.replicas == 2


def test_accepting_a_deploys_number_is_the_policys_choice() -> None:
    service = watched(8, on_redeploy="accept")
    writes(service, 3, template="v2")
    decision = service.sees({"load": value(300.0)})
    assert (decision.action, decision.held_by, service.memory.reset) == (None, None, None)


def test_what_cannot_be_put_back_for_long_is_given_up() -> None:
    service = watched(8)
    writes(service, 2, template="v2", rollout=Rollout.PAUSED)
    service.sees(CONTENT)
    service.service = replace(service.service, rollout=Rollout.NONE)
    service.sees(CONTENT, after=GIVEN_UP + 1)
    assert (service.replicas, service.memory.reset) == (2, None)


def test_a_part_that_fits_is_put_back_and_the_rest_when_there_is_room() -> None:
    memory = a_memory(2, reset=Reset(at=NOW, replicas=8))
    grown = recall.after(memory, action(5, 2), NOW)
    assert grown.reset == Reset(at=NOW, replicas=8)
    assert recall.after(grown, action(8, 5), NOW).reset is None
    assert recall.after(grown, action(4, 5), NOW).reset is None


def action(replicas: int, previous: int) -> Action:
    return Action(
        kind=Act.SCALE,
        service_id="web-id",
        service="web",
        version=7,
        replicas=replicas,
        previous=previous,
    )


# the same release, the whole stack written


def test_all_services_of_a_stack_written_together_are_a_deploy() -> None:
    service = watched(8)
    at = writes(service, 2)
    service.sees(CONTENT, stack_updates=(at, at + TOGETHER))
    assert service.replicas == 8


def test_a_moment_passes_before_the_others_are_seen_to_be_written() -> None:
    service = watched(8)
    at = writes(service, 2)
    decision = service.sees(LOAD, after=2, stack_updates=(at, LONG_AGO))
    assert (decision.action, decision.held_by) == (None, "unclear_change")
    service.sees(LOAD, after=2, stack_updates=(at, at + 1.5))
    assert service.replicas == 8
    assert service.memory.changed is None


def test_nothing_is_done_meanwhile_not_even_to_keep_the_bounds() -> None:
    service = watched(8, min=4)
    at = writes(service, 2)
    assert service.sees(LOAD, after=2, stack_updates=(at, LONG_AGO)).held_by == "unclear_change"


@pytest.mark.parametrize("other", [-TOGETHER - 0.1, TOGETHER + 0.1, -3000.0])
def test_a_service_that_was_written_alone_was_written_by_a_person(other: float) -> None:
    service = watched(8)
    at = writes(service, 2)
    service.sees(LOAD, after=2, stack_updates=(at, at + other))
    decision = service.sees(LOAD, after=PATIENCE, stack_updates=(at, at + other))
    assert decision.held_by == "manual_change"
    assert service.replicas == 2
    assert service.memory.disturbed_at == service.now - PATIENCE


@pytest.mark.parametrize("stack_updates", [(), (NOW + 1,)])
def test_without_other_services_in_its_stack_it_was_a_person_at_once(
    stack_updates: tuple[float, ...],
) -> None:
    service = watched(8)
    writes(service, 2)
    assert service.sees(LOAD, stack_updates=stack_updates).held_by == "manual_change"
    assert service.replicas == 2


def test_a_person_has_the_last_word_over_a_deploy_before() -> None:
    service = watched(8)
    writes(service, 2, template="v2", rollout=Rollout.UPDATING)
    service.sees(CONTENT)
    assert service.memory.reset == Reset(at=service.now, replicas=8)
    writes(service, 3, rollout=Rollout.NONE)
    decision = service.sees(CONTENT)
    assert (decision.held_by, service.replicas) == ("manual_change", 3)
    assert service.memory.reset is None


def test_a_deploy_is_no_rest_for_the_metrics() -> None:
    service = watched(8)
    at = writes(service, 9)
    service.sees(LOAD, stack_updates=(at, at))
    assert (service.replicas, service.memory.disturbed_at) == (8, None)


def test_the_number_before_several_changes_in_a_moment_is_the_largest() -> None:
    service = watched(8)
    at = writes(service, 2)
    service.sees(LOAD, after=2, stack_updates=(at, LONG_AGO))
    writes(service, 3)
    service.sees(LOAD, after=2, stack_updates=(at, at))
    assert service.replicas == 8


def test_the_moment_is_counted_over_a_restart() -> None:
    service = watched(8)
    pending = Changed(at=NOW, replicas=8, updated_at=NOW)
    service.memory = a_memory(2, template="v1", changed=pending)
    service.has(2)
    assert service.sees(LOAD, after=5, stack_updates=(NOW, LONG_AGO)).held_by == "unclear_change"
    assert service.sees(LOAD, after=1, stack_updates=(NOW, LONG_AGO)).held_by == "manual_change"


# to zero


@pytest.mark.parametrize(("low", "zeroed"), [(0, True), (1, False)])
def test_a_deploy_to_zero_is_no_persons_switch_where_zero_is_allowed(
    low: int, zeroed: bool
) -> None:
    service = watched(3, min=low, on_redeploy="accept")
    writes(service, 0, template="v2")
    decision = service.sees(LOAD)
    assert (decision.action is not None) is zeroed
    assert decision.held_by == (None if zeroed else "switched_off")
