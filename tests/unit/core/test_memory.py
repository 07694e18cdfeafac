"""What is remembered from pass to pass: changes by others, zero, missing data, recovery."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import decide, recall
from autoscaler.model import Act, Action, Memory, Quality, Run, Sample, Scaled
from autoscaler.testing.builders import (
    NOW,
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    observe,
    partial,
    per_task,
    unknown,
    value,
)

LOW = {"load": value(100.0)}
HIGH = {"load": value(800.0)}
NOTHING = {"load": unknown()}

BAD = [
    {},
    *({"load": unknown(quality)} for quality in Quality if quality is not Quality.VALUE),
    {"load": partial(100.0)},
    {"load": Sample(quality=Quality.VALUE)},
    {"load": value(float("nan"))},
    {"load": value(float("-inf"))},
    {"load": per_task(float("nan"))},
    {"load": per_task(1.0, of=float("inf"))},
    {"load": per_task(None)},
]


def watched(replicas: int = 5, **scale: Any) -> Watched:
    """Watched long enough for nothing to be new about it."""
    policy = a_policy(**{"behavior": at_once(), **scale})
    return Watched(policy, a_service(replicas), a_memory(replicas))


def bad_name(samples: dict[str, Sample]) -> str:
    return repr(samples.get("load", "not asked"))[:60]


# the first pass


def test_a_service_that_is_new_stays_as_large_as_it_is_for_a_window() -> None:
    new = Watched(a_policy(), a_service(5))
    assert new.sees(LOW).held_by == "stabilization"
    assert new.sees(LOW, after=284).held_by == "stabilization"
    assert new.sees(LOW, after=16).action is not None


def test_a_service_that_is_new_may_grow_at_once() -> None:
    assert Watched(a_policy(), a_service(5)).sees(HIGH).action is not None


def test_the_count_that_a_new_service_has_is_nobodys_change() -> None:
    new = Watched(a_policy(), a_service(5))
    new.sees(LOW)
    assert (new.memory.replicas, new.memory.disturbed_at) == (5, None)


# changes by others


def test_a_change_by_somebody_else_is_respected_for_the_cooldown() -> None:
    service = watched(5, cooldown={"manual": "5m"})
    service.has(7)
    assert service.sees(LOW).held_by == "manual_change"
    assert service.memory.disturbed_at == service.now
    assert service.sees(HIGH, after=299).held_by == "manual_change"
    assert service.sees(LOW, after=1).action is not None


def test_a_second_change_by_somebody_else_starts_the_cooldown_anew() -> None:
    service = watched(5)
    service.has(7)
    service.sees(LOW)
    service.has(6)
    assert service.sees(LOW, after=200).held_by == "manual_change"
    assert service.sees(LOW, after=299).held_by == "manual_change"


def test_a_change_by_somebody_else_out_of_bounds_is_brought_back_at_once() -> None:
    service = watched(5)
    service.has(99)
    decision = service.sees(NOTHING)
    assert decision.action is not None
    assert decision.action.replicas == 10


def test_our_own_change_is_not_taken_for_somebody_elses() -> None:
    service = watched(5)
    assert service.sees(HIGH).action is not None
    service.sees(HIGH)
    assert service.memory.disturbed_at is None


def test_what_was_changed_while_the_policy_was_paused_is_somebody_elses_change() -> None:
    service = watched(5)
    active, service.policy = service.policy, a_policy(policy={"mode": "paused"})
    service.has(8)
    before = service.memory
    assert service.sees(LOW).held_by == "paused"
    assert service.memory is before
    service.policy = active
    assert service.sees(LOW).held_by == "manual_change"


def test_what_a_person_undoes_counts_no_further_than_its_period() -> None:
    service = watched(5, behavior={**at_once(), "scale_up": {}}, cooldown={"manual": "0s"})
    service.sees({"load": value(900.0)})
    assert service.replicas == 9
    service.has(5)
    assert service.sees({"load": value(900.0)}, after=14).held_by == "rate_limit"
    assert service.sees({"load": value(900.0)}, after=1).action is not None


# zero


def test_zero_that_we_set_is_left_again_and_zero_that_a_person_set_is_not() -> None:
    service = watched(2, min=0)
    service.sees({"load": value(0.0)})
    assert (service.replicas, service.memory.zeroed) == (0, True)
    service.policy = a_policy(min=2, behavior=at_once())
    service.sees(NOTHING)
    assert (service.replicas, service.memory.zeroed) == (2, False)
    service.has(0)
    assert service.sees(HIGH).held_by == "switched_off"
    assert not service.memory.zeroed


def test_a_person_who_starts_a_service_that_we_had_set_to_zero_takes_it_over() -> None:
    service = watched(2, min=0)
    service.sees({"load": value(0.0)})
    service.has(3)
    assert service.sees({"load": value(0.0)}).held_by == "manual_change"
    assert not service.memory.zeroed


# missing data and recovery


@pytest.mark.parametrize("bad", BAD, ids=bad_name)
def test_nothing_shrinks_on_a_bad_sample_nor_before_three_good_ones(
    bad: dict[str, Sample],
) -> None:
    service = watched(5)
    assert service.sees(bad).action is None
    assert service.memory.missing_since == service.now
    assert service.sees(LOW).held_by == "recovery"
    assert service.sees(LOW).held_by == "recovery"
    assert service.sees(LOW).action is not None
    assert service.memory.missing_since is None


@pytest.mark.parametrize("bad", BAD, ids=bad_name)
def test_a_bad_sample_starts_the_recovery_anew(bad: dict[str, Sample]) -> None:
    service = watched(5)
    for samples in (NOTHING, LOW, LOW, bad, LOW, LOW):
        assert service.sees(samples).action is None
    assert service.sees(LOW).action is not None


def test_thin_coverage_starts_the_recovery_too() -> None:
    metric = {**a_metric(), "coverage": {"query": "covered"}}
    service = watched(5, metrics=[metric])
    thin, full = {"load": value(0.5)}, {"load": value(1.0)}
    assert service.sees(LOW, coverage=thin).held_by == "coverage"
    assert service.sees(LOW, coverage=full).held_by == "recovery"
    assert service.sees(LOW, coverage=full).held_by == "recovery"
    assert service.sees(LOW, coverage=full).action is not None


def test_growth_does_not_wait_for_the_recovery() -> None:
    service = watched(5)
    service.sees(NOTHING)
    assert service.sees(HIGH).action is not None


def test_the_same_sample_seen_twice_is_one_good_sample() -> None:
    service = watched(5)
    service.sees(NOTHING)
    for _ in range(5):
        assert service.sees({"load": value(100.0, at=NOW)}).held_by == "recovery"
    assert service.memory.good == 1
    assert service.sees({"load": value(100.0, at=NOW + 60)}).held_by == "recovery"
    assert service.sees({"load": value(100.0, at=NOW + 61)}).action is not None


def test_data_have_been_missing_since_the_first_bad_sample() -> None:
    service = watched(5)
    service.sees(NOTHING)
    first = service.now
    service.sees(LOW)
    service.sees({"load": partial(100.0)})
    assert (service.memory.missing_since, service.memory.good) == (first, 0)


def test_how_many_good_samples_are_needed_is_the_policys_choice() -> None:
    service = watched(5, recovery=1)
    service.sees(NOTHING)
    assert service.sees(LOW).action is not None


def test_one_of_two_metrics_that_is_missing_is_enough_to_hold() -> None:
    service = watched(5, metrics=[a_metric("load"), a_metric("other")])
    assert service.sees(LOW).held_by == "missing_data"
    both = {**LOW, "other": value(0.0)}
    assert service.sees(both).held_by == "recovery"


# acts


def action(replicas: int, previous: int) -> Action:
    return Action(
        kind=Act.SCALE,
        service_id="web-id",
        service="web",
        version=7,
        replicas=replicas,
        previous=previous,
    )


@pytest.mark.parametrize(("replicas", "change"), [(8, 3), (2, -3), (0, -5)])
def test_an_act_leaves_its_change_its_time_and_its_result(replicas: int, change: int) -> None:
    memory = recall.after(a_memory(5), action(replicas, 5), NOW)
    assert memory.replicas == replicas
    assert memory.scaled == (Scaled(at=NOW, change=change),)
    assert memory.zeroed == (replicas == 0)


def test_acts_are_forgotten_after_the_longest_period() -> None:
    memory = a_memory(3, scaled=(Scaled(at=NOW - 1800, change=1), Scaled(at=NOW - 1799, change=2)))
    after, _ = decide(a_policy(), observe(a_service(3), LOW), memory)
    assert after.scaled == (Scaled(at=NOW - 1799, change=2),)


def test_the_last_recommendation_is_taken_to_stand_through_a_restart() -> None:
    memory = Memory(
        recommendations=(
            Run(replicas=9, since=NOW - 900, until=NOW - 800),
            Run(replicas=5, since=NOW - 800, until=NOW - 800),
        )
    )
    assert recall.awake(memory, NOW, NOW + 5).recommendations == (
        Run(replicas=9, since=NOW - 900, until=NOW - 800),
        Run(replicas=5, since=NOW - 800, until=NOW),
    )
    assert recall.awake(Memory(), NOW, NOW) == Memory()


def test_after_a_long_absence_a_service_keeps_its_size_for_a_window() -> None:
    known = a_memory(10, scaled=())
    memory = recall.awake(known, NOW - 3600.0, NOW)
    policy = a_policy(min=1, max=20)
    _, decision = decide(policy, observe(a_service(10), {"load": value(100.0)}), memory)
    assert decision.held_by == "stabilization"


def test_an_idle_pass_changes_nothing_that_is_worth_a_write() -> None:
    service = watched(5)
    service.sees({"load": value(500.0)})
    before = recall.durable(service.memory)
    service.sees({"load": value(500.0)})
    assert recall.durable(service.memory) == before
    service.sees({"load": value(580.0)})
    assert recall.durable(service.memory) != before
    assert recall.durable(Memory()) == Memory()
