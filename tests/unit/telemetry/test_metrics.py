"""What can be scraped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler import metrics
from autoscaler.errors import Temporary
from autoscaler.logs import MOST_PLACES
from autoscaler.loop_lag import watch_loop_lag
from autoscaler.metrics import Metrics
from autoscaler.model import Act, Action, Decision, Intent, Outcome, Quality, Sample
from autoscaler.service_series import MOST_METRICS
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    """The one sample of this name and these labels."""
    for family in text_string_to_metric_families(telemetry.render().decode()):
        for sample in family.samples:
            if sample.name == f"autoscaler_{name}" and sample.labels == labels:
                return sample.value
    return None


def action(previous: int = 2, replicas: int = 4) -> Action:
    return Action(
        kind=Act.SCALE,
        service_id="1",
        service="web",
        version=7,
        replicas=replicas,
        previous=previous,
    )


def intent(action: Action) -> Intent:
    return Intent(id="1", at=99.0, policy="shop", action=action)


def decision(
    service: str = "web",
    action: Action | None = None,
    held_by: str | None = None,
    current: int | None = 2,
) -> Decision:
    return Decision(
        at=100.0,
        policy="shop",
        service_id="1",
        service=service,
        current=current,
        wanted=6,
        action=action,
        reason="because",
        held_by=held_by,
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def telemetry(clock: ManualClock) -> Telemetry:
    return Telemetry(clock)


def decide(telemetry: Telemetry, made: Decision) -> None:
    samples = {"cpu": Sample(quality=Quality.VALUE, value=1.0, at=96.0)}
    telemetry.decided(made, news=False, samples=samples, bounds=(1, 9))


def test_decisions_are_counted_by_action_and_by_the_guard_that_held_them(
    telemetry: Telemetry,
) -> None:
    decide(telemetry, decision(action=action()))
    decide(telemetry, decision(action=action(4, 2)))
    decide(telemetry, decision(held_by="rollout"))
    decide(telemetry, decision(held_by="rollout"))
    assert value(telemetry, "decisions_total", action="scale_up", held_by="") == 1
    assert value(telemetry, "decisions_total", action="scale_down", held_by="") == 1
    assert value(telemetry, "decisions_total", action="none", held_by="rollout") == 2


def test_a_service_shows_what_it_has_may_have_and_shall_have(telemetry: Telemetry) -> None:
    decide(telemetry, decision(action=action()))
    figures = ("", "_wanted", "_desired", "_min", "_max")
    shown = [value(telemetry, f"service_replicas{name}", service="web") for name in figures]
    assert shown == [2, 6, 4, 1, 9]


def test_what_holds_a_service_is_shown_as_long_as_it_does(telemetry: Telemetry) -> None:
    decide(telemetry, decision(held_by="cooldown"))
    assert value(telemetry, "service_held", service="web", held_by="cooldown") == 1
    decide(telemetry, decision())
    assert value(telemetry, "service_held", service="web", held_by="cooldown") is None


def test_what_is_not_known_is_not_shown_as_zero(telemetry: Telemetry) -> None:
    telemetry.decided(decision(current=None), news=False, samples={}, bounds=None)
    for name in ("service_replicas", "service_replicas_desired", "service_replicas_min"):
        assert value(telemetry, name, service="web") is None


def test_a_sample_ages_while_no_pass_is_made(telemetry: Telemetry, clock: ManualClock) -> None:
    decide(telemetry, decision())
    clock.advance(30.0)
    assert value(telemetry, "sample_age_seconds", service="web", metric="cpu") == 34.0


def test_a_broken_metric_is_a_series_that_says_so(telemetry: Telemetry) -> None:
    samples = {
        "cpu": Sample(quality=Quality.PARTIAL, value=0.0, at=90.0),
        "jobs": Sample(quality=Quality.ERROR, detail="refused"),
        "rate": Sample(quality=Quality.STALE, at=10.0),
    }
    telemetry.decided(decision(), news=False, samples=samples, bounds=None)
    known = {name: value(telemetry, "metric_known", service="web", metric=name) for name in samples}
    assert known == {"cpu": 1, "jobs": 0, "rate": 0}
    assert value(telemetry, "sample_age_seconds", service="web", metric="jobs") is None


def test_a_policy_of_very_many_metrics_has_few_series(telemetry: Telemetry) -> None:
    samples = {f"m{n}": Sample(quality=Quality.VALUE, value=1.0, at=90.0) for n in range(1000)}
    telemetry.decided(decision(), news=False, samples=samples, bounds=None)
    page = telemetry.render().decode()
    assert page.count("autoscaler_metric_known{") == MOST_METRICS
    assert page.count("autoscaler_sample_age_seconds{") == MOST_METRICS


def test_the_series_of_a_service_end_with_it(telemetry: Telemetry) -> None:
    decide(telemetry, decision("web"))
    decide(telemetry, decision("api"))
    telemetry.gone("web")
    telemetry.gone("nobody")
    page = telemetry.render().decode()
    assert 'service="api"' in page
    assert 'service="web"' not in page


def test_actions_are_counted_by_outcome_and_timed_from_the_sample_on(telemetry: Telemetry) -> None:
    telemetry.acted(intent(action()), Outcome.DONE, "", 0.002, 1.5)
    telemetry.acted(intent(action()), Outcome.FAILED, "refused", 0.2, None)
    assert value(telemetry, "actions_total", action="scale_up", outcome="done") == 1
    assert value(telemetry, "actions_total", action="scale_up", outcome="failed") == 1
    assert value(telemetry, "action_duration_seconds_count") == 2
    assert value(telemetry, "sample_to_action_seconds_count") == 1
    assert value(telemetry, "sample_to_action_seconds_sum") == 1.5


def test_the_nodes_that_are_ready_are_counted(telemetry: Telemetry) -> None:
    telemetry.observed(0.01, 3)
    assert value(telemetry, "nodes") == 3


def test_what_is_rare_begins_at_zero(telemetry: Telemetry) -> None:
    assert value(telemetry, "actions_total", action="rollback", outcome="done") == 0
    assert value(telemetry, "release_watches_total", outcome="failed") == 0
    telemetry.notifies("ops")
    assert value(telemetry, "notifications_total", notifier="ops", outcome="failed") == 0


def test_a_rollback_shows_when_it_was_until_the_service_is_gone(
    telemetry: Telemetry, clock: ManualClock
) -> None:
    back = replace(action(), kind=Act.ROLLBACK, release="abc")
    telemetry.acted(intent(back), Outcome.FAILED, "refused", 0.1, None)
    assert value(telemetry, "service_rollback_timestamp_seconds", service="web") is None
    telemetry.acted(intent(back), Outcome.DONE, "", 0.1, None)
    assert value(telemetry, "service_rollback_timestamp_seconds", service="web") == clock()
    telemetry.gone("web")
    assert value(telemetry, "service_rollback_timestamp_seconds", service="web") is None


def test_passes_and_looks_at_the_fleet_are_timed(telemetry: Telemetry) -> None:
    telemetry.observed(0.01, 3)
    telemetry.passed(0.25, 40)
    telemetry.stream_reconnected()
    assert value(telemetry, "observation_duration_seconds_count") == 1
    assert value(telemetry, "pass_duration_seconds_sum") == 0.25
    assert value(telemetry, "pass_services") == 40
    assert value(telemetry, "pass_last_timestamp_seconds") == 100.0
    assert value(telemetry, "event_stream_reconnects_total") == 1


def test_a_failed_reload_shows_while_the_old_policies_stay(
    telemetry: Telemetry, clock: ManualClock
) -> None:
    telemetry.policies_loaded(3)
    clock.advance(5.0)
    telemetry.policies_failed(["shop.yaml:3: unknown key"])
    assert value(telemetry, "config_last_reload_successful") == 0
    assert value(telemetry, "config_last_reload_success_timestamp_seconds") == 100.0
    assert value(telemetry, "policies") == 3


def test_errors_are_counted_by_place_and_the_places_are_bounded(telemetry: Telemetry) -> None:
    for number in range(MOST_PLACES + 10):
        telemetry.error(f"place {number}", Temporary("no"))
    telemetry.error("observation", Temporary("no"))
    assert value(telemetry, "errors_total", where="place 0") == 1
    assert value(telemetry, "errors_total", where="other") == 11


def test_two_instances_share_nothing(telemetry: Telemetry) -> None:
    decide(telemetry, decision())
    assert 'service="web"' not in Telemetry().render().decode()


def test_every_name_says_its_unit_and_no_sample_is_a_leftover(telemetry: Telemetry) -> None:
    decide(telemetry, decision())
    telemetry.acted(intent(action()), Outcome.DONE, "", 0.1, 0.1)
    page = telemetry.render().decode()
    assert "_created" not in page
    for row in Metrics(time.time).described:
        assert row.name.startswith("autoscaler_")
        assert (row.kind == "counter") == row.name.endswith("_total")
        assert (row.kind != "histogram") or row.name.endswith("_seconds")


def test_the_documentation_lists_what_is_scraped(telemetry: Telemetry) -> None:
    described = Metrics(time.time).described
    families = text_string_to_metric_families(telemetry.render().decode())
    scraped = {f.name + "_total" * (f.type == "counter"): f for f in families}
    own = {name: family for name, family in scraped.items() if name.startswith("autoscaler_")}
    assert {row.name: (row.kind, row.text) for row in described} == {
        name: (family.type, family.documentation) for name, family in own.items()
    }


def test_the_page_of_metrics_is_up_to_date() -> None:
    described = Metrics(time.time).described
    hint = "python -m autoscaler.metrics > docs/metrics.md"
    assert PAGE.read_text(encoding="utf-8") == metrics.page(described), hint


async def test_a_loop_that_was_held_up_shows(telemetry: Telemetry) -> None:
    watching = asyncio.create_task(watch_loop_lag(telemetry, interval=0.001))
    await asyncio.sleep(0)
    time.sleep(0.03)  # noqa: ASYNC251
    await asyncio.sleep(0.01)
    watching.cancel()
    assert (value(telemetry, "event_loop_lag_seconds_sum") or 0) > 0.025


def test_a_pass_over_many_services_is_counted(
    telemetry: Telemetry, record_property: Callable[[str, object], None]
) -> None:
    made, started = decision(), time.process_time()
    for _ in range(10_000):
        decide(telemetry, made)
    spent = time.process_time() - started
    record_property("each", f"{spent / 10_000 * 1e6:.1f} us of CPU")
