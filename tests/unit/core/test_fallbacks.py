"""What a policy falls back to without data: KEDA's behaviors, by default never fewer replicas."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.testing.builders import (
    Watched,
    a_memory,
    a_metric,
    a_policy,
    a_service,
    at_once,
    partial,
    unknown,
    value,
)

TWO = [a_metric("load"), a_metric("other")]
NOTHING = {"load": unknown()}
BEHAVIORS = {
    "static": (6, 6, 6),
    "current_replicas": (3, 6, 9),
    "current_replicas_if_higher": (6, 6, 9),
    "current_replicas_if_lower": (3, 6, 6),
}
"""What becomes of 3, 6 and 9 replicas with a fallback of 6."""


def watched(replicas: int, falls_back: str = "static", **scale: Any) -> Watched:
    missing = {"fallback": 6, "after": "2m", "behavior": falls_back}
    words = {"on_missing": missing, "behavior": at_once(), **scale}
    return Watched(a_policy(**words), a_service(replicas), a_memory(replicas))


def after_two_minutes(service: Watched, samples: dict[str, Any] | None = None) -> int:
    service.sees(NOTHING)
    before = service.replicas
    service.sees(samples or NOTHING, after=119.9)
    assert service.replicas == before
    service.sees(samples or NOTHING, after=0.1)
    return service.replicas


@pytest.mark.parametrize("behavior", BEHAVIORS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_behavior_does_what_kedas_does(behavior: str, place: int) -> None:
    assert after_two_minutes(watched((3, 6, 9)[place], behavior)) == BEHAVIORS[behavior][place]


def test_by_default_a_fallback_never_takes_replicas_away() -> None:
    missing = {"fallback": 6, "after": "2m"}
    for replicas, expected in ((3, 6), (9, 9)):
        assert after_two_minutes(watched(replicas, on_missing=missing)) == expected


def test_a_fallback_below_the_min_is_raised_to_it() -> None:
    assert after_two_minutes(watched(9, min=8)) == 8


def test_thin_or_unknown_coverage_does_not_keep_a_fallback_from_shrinking() -> None:
    covered = {**a_metric("load"), "coverage": {"query": "covered"}}
    assert after_two_minutes(watched(9, metrics=[covered])) == 6


def test_a_fallback_keeps_the_pace_of_shrinking() -> None:
    pace = {"policies": [{"replicas": 1, "period": "1m"}], "stabilization": "0s"}
    assert after_two_minutes(watched(9, behavior={"scale_down": pace})) == 8


def test_work_in_progress_keeps_a_fallback_from_shrinking() -> None:
    service = watched(9, hold_down_while=[{"name": "jobs", "query": "jobs"}])
    service.sees(NOTHING, holds={"jobs": value(1.0)})
    assert service.sees(NOTHING, after=120, holds={"jobs": value(1.0)}).held_by == "busy"


def test_a_fallback_takes_nothing_from_what_a_known_metric_asks_for() -> None:
    service = watched(9, metrics=TWO)
    known = {"load": unknown(), "other": value(800.0)}
    service.sees(known)
    decision = service.sees(known, after=120)
    assert (decision.action, decision.held_by) == (None, "missing_data")
    service.sees({"load": unknown(), "other": value(1000.0)})
    assert service.replicas == 10


def test_a_fallback_above_what_the_known_metrics_ask_for_is_followed() -> None:
    service = watched(9, metrics=TWO)
    known = {"load": unknown(), "other": value(100.0)}
    service.sees(known)
    service.sees(known, after=120)
    assert service.replicas == 6


def test_after_a_fallback_good_samples_prove_themselves_before_anything_shrinks() -> None:
    service = watched(3)
    assert after_two_minutes(service) == 6
    for _ in range(2):
        assert service.sees({"load": value(100.0)}).held_by == "recovery"
    service.sees({"load": value(100.0)})
    assert service.replicas == 1


def test_an_answer_with_warnings_is_no_missing_one_but_shrinks_nothing() -> None:
    service = watched(9)
    service.sees({"load": partial(100.0)})
    assert service.sees({"load": partial(100.0)}, after=600).held_by == "partial_data"


def test_a_metric_that_may_fail_starts_no_fallback() -> None:
    optional = {**a_metric("load"), "on_error": "ignore"}
    service = watched(3, metrics=[optional, a_metric("other")])
    samples = {"load": unknown(), "other": value(300.0)}
    service.sees(samples)
    service.sees(samples, after=600)
    assert service.replicas == 3
    assert service.memory.missing_since is None
