"""From recommendations to one decision: the largest wins, the bounds rule, reasons are given."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import Act, Action, Mode, Run
from autoscaler.testing.builders import (
    LONG_AGO,
    NOW,
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    observe,
    unknown,
    value,
)

TWO = [a_metric("load"), a_metric("other")]


def watched(replicas: int = 5, **scale: Any) -> Watched:
    policy = a_policy(**{"behavior": at_once(), **scale})
    return Watched(policy, a_service(replicas), a_memory(replicas))


def test_the_largest_recommendation_wins() -> None:
    decision = watched(5, metrics=TWO).sees({"load": value(300.0), "other": value(700.0)})
    assert decision.action is not None
    assert decision.action.replicas == 7
    assert [r.replicas for r in decision.recommendations] == [3, 7]
    assert decision.reason.startswith("other: ")


def test_an_action_names_the_service_the_version_and_both_numbers() -> None:
    decision = watched(5).sees({"load": value(700.0)}, after=0)
    assert decision.action == Action(
        kind=Act.SCALE, service_id="web-id", service="web", version=7, replicas=7, previous=5
    )
    assert (decision.at, decision.policy, decision.service) == (NOW, "web-policy", "web")
    assert (decision.current, decision.wanted) == (5, 7)


def test_nothing_to_do_has_a_reason_too() -> None:
    decision = watched(5).sees({"load": value(500.0)})
    assert (decision.action, decision.held_by, decision.wanted) == (None, None, 5)
    assert decision.reason == "load: 100 a replica, target 100: no change"


# bounds without metrics


@pytest.mark.parametrize(("replicas", "edge"), [(1, 4), (3, 4), (9, 8), (400, 8)])
@pytest.mark.parametrize("samples", [{}, {"load": unknown()}, {"load": value(600.0)}])
def test_the_bounds_are_kept_with_or_without_metrics(
    replicas: int, edge: int, samples: dict[str, Any]
) -> None:
    service = Watched(a_policy(min=4, max=8), a_service(replicas))
    decision = service.sees(samples)
    assert decision.action is not None
    assert decision.action.replicas == edge
    assert decision.reason.startswith(f"{replicas} is outside of {'min' if edge == 4 else 'max'}")


def test_the_bounds_wait_for_no_window_no_rate_and_no_cooldown() -> None:
    slow = {"stabilization": "1h", "select": "disabled"}
    policy = a_policy(min=4, behavior={"scale_up": slow, "scale_down": slow})
    memory = a_memory(2, disturbed_at=NOW, missing_since=NOW - 9)
    _, decision = decide(policy, observe(a_service(2)), memory)
    assert decision.action is not None
    assert decision.action.replicas == 4


def test_a_policy_without_metrics_only_keeps_the_bounds() -> None:
    decision = watched(5, metrics=[]).sees({})
    assert (decision.action, decision.held_by) == (None, None)
    assert decision.reason == "no metrics; within bounds"


def test_what_the_bounds_ask_for_is_no_recommendation() -> None:
    service = Watched(a_policy(min=4), a_service(2))
    service.sees({"load": value(9000.0)})
    assert [run.replicas for run in service.memory.recommendations] == [2]


# modes


def test_a_paused_policy_does_not_look() -> None:
    policy = a_policy(policy={"mode": "paused"}, min=4)
    memory = a_memory(9)
    after, decision = decide(policy, observe(a_service(2), {"load": value(900.0)}), memory)
    assert after is memory
    assert (decision.action, decision.held_by) == (None, "paused")
    assert decision.recommendations == ()


def test_a_dry_run_says_what_it_would_do() -> None:
    policy = a_policy(policy={"mode": "dry-run"}, behavior=at_once())
    _, decision = decide(policy, observe(a_service(5), {"load": value(700.0)}), a_memory(5))
    assert (decision.action, decision.held_by, decision.wanted) == (None, "dry_run", 7)
    assert "would scale 5 -> 7" in decision.reason


def test_a_dry_run_uses_up_no_rate() -> None:
    service = watched(5)
    service.policy = a_policy(policy={"mode": "dry-run"}, behavior=at_once())
    service.sees({"load": value(700.0)})
    assert service.memory.scaled == ()


def test_a_policy_that_does_not_scale_touches_nothing() -> None:
    policy = a_policy(policy={"scale": None})
    after, decision = decide(policy, observe(a_service(5)), a_memory(5))
    assert after == a_memory(5)
    assert (decision.action, decision.held_by) == (None, None)


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.REPLICATED])
@pytest.mark.parametrize("replicas", [None, 2])
def test_only_replicated_services_are_scaled(mode: Mode, replicas: int | None) -> None:
    service = a_service(replicas, mode=mode)
    _, decision = decide(a_policy(min=4), observe(service), a_memory(replicas))
    assert (decision.action, decision.held_by) == (None, "scalable")


# some metrics missing


def test_a_missing_metric_does_not_hinder_growth() -> None:
    decision = watched(5, metrics=TWO).sees({"load": value(700.0), "other": unknown()})
    assert decision.action is not None
    assert decision.action.replicas == 7


def test_a_missing_metric_forbids_shrinking() -> None:
    decision = watched(5, metrics=TWO).sees({"load": value(300.0), "other": unknown()})
    assert (decision.action, decision.held_by) == (None, "missing_data")
    assert "other: no data" in decision.reason


def test_with_all_metrics_missing_nothing_is_wanted() -> None:
    decision = watched(5, metrics=TWO).sees({"load": unknown(detail="no series")})
    assert (decision.action, decision.held_by, decision.wanted) == (None, "missing_data", None)
    assert decision.reason == "no metric can be trusted; load: no data: no series"


def test_what_a_part_of_the_metrics_would_shrink_to_does_not_slow_later_growth() -> None:
    behavior = {**at_once(), "scale_up": {"stabilization": "5m"}}
    service = watched(5, metrics=TWO, behavior=behavior)
    service.memory = a_memory(5, recommendations=(Run(replicas=8, since=NOW - 9, until=NOW),))
    service.sees({"load": value(300.0), "other": unknown()})
    decision = service.sees({"load": value(800.0), "other": unknown()})
    assert decision.action is not None
    assert decision.action.replicas == 8


# fallback


def fallback(replicas: int, **scale: Any) -> Watched:
    return watched(replicas, on_missing={"fallback": 6, "after": "2m"}, **scale)


def test_after_a_while_without_data_the_fallback_is_the_least() -> None:
    service = fallback(3)
    assert service.sees({}).action is None
    assert service.sees({}, after=119).action is None
    decision = service.sees({}, after=1)
    assert decision.action is not None
    assert decision.action.replicas == 6
    assert decision.reason == "fallback: data have been missing for 120 s"


def test_a_fallback_never_takes_replicas_away() -> None:
    service = fallback(8)
    service.sees({})
    decision = service.sees({}, after=600)
    assert (decision.action, decision.wanted) == (None, 8)
    assert decision.reason.startswith("fallback: ")


def test_a_fallback_does_not_speak_while_data_merely_recover() -> None:
    service = fallback(3)
    service.sees({})
    decision = service.sees({"load": value(300.0)}, after=600)
    assert (decision.action, decision.wanted) == (None, 3)
    assert service.memory.missing_since is not None


def test_a_fallback_speaks_when_one_of_the_metrics_is_missing() -> None:
    service = fallback(3, metrics=TWO)
    service.sees({"load": value(200.0)})
    decision = service.sees({"load": value(200.0)}, after=120)
    assert decision.action is not None
    assert decision.action.replicas == 6


def test_a_metric_that_wants_more_than_the_fallback_has_its_way() -> None:
    service = fallback(3, metrics=TWO)
    service.sees({"load": value(200.0)})
    decision = service.sees({"load": value(900.0)}, after=120)
    assert decision.action is not None
    assert decision.action.replicas == 9


def test_a_fallback_waits_for_the_windows_of_growth_and_no_longer() -> None:
    behavior = {**at_once(), "scale_up": {"stabilization": "1m"}}
    service = fallback(3, metrics=TWO, behavior=behavior)
    service.sees({"load": value(200.0)})
    service.sees({"load": value(300.0)}, after=119)
    assert service.sees({"load": value(200.0)}, after=1).held_by == "stabilization"
    assert service.sees({"load": value(200.0)}, after=58).held_by == "stabilization"
    assert service.sees({"load": value(200.0)}, after=2).action is not None


def test_without_a_fallback_missing_data_hold_for_ever() -> None:
    service = watched(3)
    service.sees({})
    decision = service.sees({}, after=1e6)
    assert (decision.action, decision.held_by) == (None, "missing_data")


# strategies' memories


def test_a_policy_that_is_reloaded_forgets_metrics_that_are_gone() -> None:
    memory = a_memory(3, strategies={"gone": {"seen": 1}, "load": {"seen": 2}})
    after, _ = decide(a_policy(), observe(a_service(3), {"load": unknown()}), memory)
    assert after.strategies == {"load": {"seen": 2}}


def test_a_recommendation_outlives_what_it_was_based_on_by_its_window_only() -> None:
    service = watched(9, behavior={"scale_up": {}, "scale_down": {"stabilization": "1m"}})
    service.memory = a_memory(9, recommendations=(Run(replicas=9, since=LONG_AGO, until=NOW),))
    assert service.sees({"load": value(100.0)}, after=59).held_by == "stabilization"
    assert service.sees({"load": value(100.0)}, after=1).action is not None
