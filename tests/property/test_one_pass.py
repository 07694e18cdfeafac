"""What holds for a pass over any service, under any policy, with anything remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from autoscaler import records
from autoscaler.decide import decide
from autoscaler.model import (
    Action,
    Decision,
    Memory,
    Mode,
    Observation,
    Quality,
    Record,
    Rollout,
    Sample,
    Scaled,
    Service,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import NOW, value
from tests.property.generators import (
    COMMON,
    HOLD,
    NAMES,
    SHRINKING,
    Pass,
    bad_samples,
    bounds_of,
    enough,
    passes,
    thin_coverages,
)


def decided(one: Pass) -> tuple[Memory, Decision]:
    after, decision = decide(parse_policy(one.document), one.observation, one.memory)
    event(decision.held_by or ("acted" if decision.action else "nothing to do"))
    return after, decision


@settings(enough, max_examples=1500)
@given(passes())
def test_an_action_stays_in_bounds_follows_what_is_wanted_and_names_what_was_seen(
    one: Pass,
) -> None:
    _, decision = decided(one)
    each_guard_only_takes_away_from_the_change(decision)
    if decision.action is not None:
        it_ends_within_the_bounds_or_nearer_to_them(decision.action, bounds_in_force(one))
        it_goes_towards_what_is_wanted_and_no_further(decision.action, decision.wanted)
        it_is_of_the_service_and_the_version_that_were_seen(decision.action, one.observation)


def bounds_in_force(one: Pass) -> tuple[int, int]:
    return bounds_of(one.document, one.observation.windows)


def it_ends_within_the_bounds_or_nearer_to_them(action: Action, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if low <= action.previous <= high:
        assert low <= action.replicas <= high
    elif action.previous > high:
        assert high <= action.replicas < action.previous
    else:
        assert action.previous < action.replicas <= low


def it_goes_towards_what_is_wanted_and_no_further(action: Action, wanted: int | None) -> None:
    assert wanted is not None
    grows = action.previous < action.replicas <= wanted
    shrinks = action.previous > action.replicas >= wanted
    assert grows or shrinks


def it_is_of_the_service_and_the_version_that_were_seen(
    action: Action, observation: Observation
) -> None:
    service = observation.service
    assert (action.service_id, action.service) == (service.id, service.name)
    assert (action.version, action.previous) == (service.version, service.replicas)


def each_guard_only_takes_away_from_the_change(decision: Decision) -> None:
    if decision.current is None or decision.wanted is None:
        return
    proposed = decision.wanted
    for verdict in decision.verdicts:
        low, high = sorted((decision.current, proposed))
        assert low <= verdict.replicas <= high
        assert verdict.replicas != proposed
        proposed = verdict.replicas


def others(service: Service) -> list[Service]:
    """The same service, in every way in which it must not be written to."""
    modes = [mode for mode in Mode if mode is not Mode.REPLICATED]
    rollouts = [rollout for rollout in Rollout if not rollout.settled]
    return [
        *(replace(service, mode=mode) for mode in modes),
        *(replace(service, mode=mode, replicas=None) for mode in modes),
        *(replace(service, rollout=rollout) for rollout in rollouts),
    ]


@enough
@given(passes(), st.data())
def test_neither_jobs_nor_global_services_nor_rollouts_are_ever_written_to(
    one: Pass, data: st.DataObject
) -> None:
    service = data.draw(st.sampled_from(others(one.observation.service)))
    one.observation = replace(one.observation, service=service)
    assert decided(one)[1].action is None


@settings(enough, max_examples=300)
@pytest.mark.parametrize("mode", ["paused", "dry-run"])
@given(passes())
def test_a_policy_that_is_not_active_never_acts(mode: str, one: Pass) -> None:
    one.document["mode"] = mode
    assert decided(one)[1].action is None


@settings(enough, max_examples=300)
@given(passes())
def test_nothing_is_done_while_the_outcome_of_an_act_is_not_known(one: Pass) -> None:
    one.observation = replace(one.observation, unsettled="it timed out")
    assert decided(one)[1].action is None


def grows_or_keeps_to_its_max(decision: Decision, one: Pass) -> None:
    _, most = bounds_in_force(one)
    if decision.action is not None and decision.action.previous <= most:
        assert decision.action.replicas > decision.action.previous


def shrinks_only_on_data(one: Pass) -> None:
    """Without a fallback that takes replicas away, which a person may choose."""
    scale = one.document["scale"]
    if scale["on_missing"] != "hold" and scale["on_missing"]["behavior"] in SHRINKING:
        scale["on_missing"] = "hold"


@enough
@given(passes(), st.none() | bad_samples, st.integers(0, 2))
def test_a_bad_sample_of_any_metric_shrinks_nothing(
    one: Pass, bad: Sample | None, which: int
) -> None:
    metrics = one.document["scale"]["metrics"]
    metric = metrics[which % len(metrics)]
    metric["on_error"] = "hold"
    samples = {k: v for k, v in one.observation.samples.items() if k != metric["name"]}
    if bad is not None:
        samples[metric["name"]] = bad
    one.observation = replace(one.observation, samples=samples)
    shrinks_only_on_data(one)
    after, decision = decided(one)
    grows_or_keeps_to_its_max(decision, one)
    assert after.missing_since is not None
    assert after.good == 0


@enough
@given(passes(covered=True), st.none() | thin_coverages)
def test_thin_or_unknown_coverage_shrinks_nothing(one: Pass, share: Sample | None) -> None:
    coverage = {} if share is None else {NAMES[0]: share}
    one.observation = replace(one.observation, coverage=coverage)
    one.document["scale"]["metrics"][0]["on_error"] = "hold"
    shrinks_only_on_data(one)
    after, decision = decided(one)
    grows_or_keeps_to_its_max(decision, one)
    assert after.missing_since is not None


@settings(enough, max_examples=300)
@given(passes(), st.none() | bad_samples | st.just(value(3.0)))
def test_work_in_progress_known_or_not_is_never_cut_off(one: Pass, work: Sample | None) -> None:
    one.document["scale"]["hold_down_while"] = [HOLD]
    holds = {} if work is None else {HOLD["name"]: work}
    one.observation = replace(one.observation, holds=holds)
    _, decision = decided(one)
    if work is None or work.quality is not Quality.PARTIAL or work.total:
        grows_or_keeps_to_its_max(decision, one)


@settings(enough, max_examples=300)
@given(passes(), st.sampled_from(["up", "down", "both"]))
def test_a_frozen_direction_is_never_taken(one: Pass, way: str) -> None:
    frozen = {"name": "frozen", **COMMON, "freeze": way}
    one.document["scale"]["schedules"] = [*one.document["scale"]["schedules"], frozen]
    one.observation = replace(one.observation, windows=(*one.observation.windows, "frozen"))
    _, decision = decided(one)
    if decision.action is not None:
        grows = decision.action.replicas > decision.action.previous
        assert way != "both"
        assert grows is (way == "down")


@settings(enough, max_examples=300)
@given(passes(), st.floats(0, 59))
def test_within_a_rest_only_the_bounds_and_a_deploy_that_is_put_right_change_anything(
    one: Pass, ago: float
) -> None:
    one.document["scale"]["cooldown"] = {"manual": "0s", "up": "1m", "down": "1m"}
    one.memory = replace(one.memory, scaled=(Scaled(at=NOW - ago, change=1),))
    _, decision = decided(one)
    if decision.action is not None:
        low, high = bounds_in_force(one)
        out_of_bounds = not low <= decision.action.previous <= high
        assert out_of_bounds or decision.reason.startswith("a deploy reset")


@settings(enough, max_examples=300)
@given(passes())
def test_a_fallback_that_may_shrink_goes_no_lower_than_it_says(one: Pass) -> None:
    missing = {"fallback": 5, "after": "1m", "behavior": "static"}
    one.document["scale"]["on_missing"] = missing
    one.observation = replace(one.observation, samples={})
    one.memory = replace(one.memory, missing_since=NOW - 60.0)
    for metric in one.document["scale"]["metrics"]:
        metric["on_error"] = "hold"
    _, decision = decided(one)
    low, high = bounds_in_force(one)
    if decision.action is not None and low <= decision.action.previous <= high:
        event("by fallback")
        shrinks = decision.action.replicas < decision.action.previous
        assert not shrinks or decision.action.replicas >= max(5, low)


@enough
@given(passes(), st.integers())
def test_the_order_of_metrics_and_of_tasks_changes_nothing(one: Pass, seed: int) -> None:
    shuffled = json.loads(json.dumps(one.document))
    Random(seed).shuffle(shuffled["scale"]["metrics"])
    tasks = one.observation.tasks
    other = replace(one.observation, tasks=tasks and tuple(reversed(tasks)))
    after, decision = decided(one)
    after_shuffled, decision_shuffled = decide(parse_policy(shuffled), other, one.memory)
    assert after_shuffled == after
    assert decision_shuffled.action == decision.action
    assert decision_shuffled.held_by == decision.held_by
    assert decision_shuffled.wanted == decision.wanted


@enough
@given(passes())
def test_a_record_that_was_stored_replays_to_the_same_decision_and_memory(one: Pass) -> None:
    after, decision = decided(one)
    record = Record(
        policy=one.document, observation=one.observation, memory=one.memory, decision=decision
    )
    stored = records.load_record(records.dump(record))
    replayed, again = decide(parse_policy(stored.policy), stored.observation, stored.memory)
    assert again == decision == stored.decision
    assert replayed == after == records.load_memory(records.dump(after))
