"""What is told of what happens: of a state its two ends, of an action how it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.errors import Temporary
from autoscaler.happenings import Happenings
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Happening,
    HappeningKind,
    Health,
    Intent,
    Outcome,
    Phase,
    Recommendation,
    Severity,
    Span,
    Standing,
    Verdict,
    Watch,
)
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock

PLAIN = Decision(
    at=100.0,
    policy="shop",
    service_id="1",
    service="web",
    current=2,
    wanted=2,
    action=None,
    reason="because",
)
SCALE = Action(kind=Act.SCALE, service_id="1", service="web", version=7, replicas=4, previous=2)
INTENT = Intent(id="1", at=100.0, policy="shop", action=SCALE)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(ManualClock(100.0))


@pytest.fixture
def heard(telemetry: Telemetry) -> list[Happening]:
    """What was told so far."""
    told: list[Happening] = []
    telemetry.happenings.subscribe(told.append)
    return told


def decide(telemetry: Telemetry, decision: Decision) -> None:
    telemetry.decided(decision, news=False, samples={}, bounds=None)


def ends(heard: list[Happening]) -> list[tuple[str, str, str]]:
    return [(each.kind.value, each.about, each.span.value) for each in heard]


def sick(state: Health, reason: str = "it falls") -> Decision:
    return replace(PLAIN, health=Standing(state=state, reasons=(reason,)))


def test_a_plain_decision_is_told_to_nobody(telemetry: Telemetry, heard: list[Happening]) -> None:
    decide(telemetry, PLAIN)
    assert heard == []


def test_a_hold_is_told_when_it_begins_and_when_it_is_over(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    for held_by in ("cooldown", "cooldown", "rollout", None, None):
        decide(telemetry, replace(PLAIN, held_by=held_by))
    assert ends(heard) == [
        ("held", "cooldown", "begun"),
        ("held", "rollout", "begun"),
        ("held", "cooldown", "over"),
        ("held", "rollout", "over"),
    ]
    assert heard[0].text == "held by cooldown: because"
    assert (heard[0].policy, heard[0].decided_at) == ("shop", 100.0)


def test_each_unknown_metric_is_a_state_of_its_own(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    dark = [Recommendation(name=name, replicas=None, reason="no answer") for name in ("a", "b")]
    decide(telemetry, replace(sick(Health.HEALTHY), recommendations=tuple(dark)))
    decide(telemetry, replace(sick(Health.HEALTHY), recommendations=(dark[1],)))
    assert ends(heard) == [
        ("metrics", "a", "begun"),
        ("metrics", "b", "begun"),
        ("metrics", "a", "over"),
    ]
    assert heard[-1].text == "the metric a is known again"


def test_a_pause_is_not_the_end_of_what_was_wrong(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    """A service that is paused is not looked at."""
    dark = (Recommendation(name="a", replicas=None, reason="no answer"),)
    paused = replace(PLAIN, held_by="paused")
    decide(telemetry, replace(sick(Health.DEGRADED), recommendations=dark))
    decide(telemetry, paused)
    decide(telemetry, paused)
    assert ends(heard) == [
        ("health", "degraded", "begun"),
        ("metrics", "a", "begun"),
        ("held", "paused", "begun"),
    ]
    decide(telemetry, replace(sick(Health.DEGRADED), recommendations=dark))
    assert ends(heard)[3:] == [("held", "paused", "over")]
    decide(telemetry, sick(Health.HEALTHY))
    assert ends(heard)[4:] == [("health", "degraded", "over"), ("metrics", "a", "over")]


def test_a_paused_service_that_is_gone_ends_what_was_wrong(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    decide(telemetry, sick(Health.DEGRADED))
    decide(telemetry, replace(PLAIN, held_by="paused"))
    telemetry.gone("web")
    assert sorted(ends(heard)[2:]) == [("health", "degraded", "over"), ("held", "paused", "over")]


def test_who_abstains_is_not_missed(telemetry: Telemetry, heard: list[Happening]) -> None:
    quiet = Recommendation(name="alert", replicas=None, reason="not asked", abstains=True)
    decide(telemetry, replace(PLAIN, recommendations=(quiet,)))
    assert heard == []


def test_a_quarantine_is_graver_than_sickness(telemetry: Telemetry, heard: list[Happening]) -> None:
    for decision in (sick(Health.CRASH_LOOPING), sick(Health.QUARANTINED), sick(Health.HEALTHY)):
        decide(telemetry, decision)
    assert ends(heard) == [
        ("health", "crash-looping", "begun"),
        ("quarantined", "quarantined", "begun"),
        ("health", "crash-looping", "over"),
        ("quarantined", "quarantined", "over"),
    ]
    assert heard[0].text == "crash-looping: it falls"
    assert [each.severity for each in heard[:2]] == [Severity.WARNING, Severity.CRITICAL]


def test_a_stop_of_healing_is_told_once_for_all_services(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    stop = Verdict(guard="fleet_stop", replicas=2, reason="5 of 6 are sick")
    for name in ("web", "db"):
        decide(telemetry, replace(PLAIN, service=name, verdicts=(stop,)))
    decide(telemetry, replace(PLAIN, service="web"))
    assert ends(heard) == [("healing_stopped", "", "begun")]
    telemetry.gone("db")
    assert ends(heard)[1:] == [("healing_stopped", "", "over")]
    assert heard[0].service == ""


def test_what_a_rule_tells_is_told_every_time(telemetry: Telemetry, heard: list[Happening]) -> None:
    decide(telemetry, replace(PLAIN, tells=("probe: no answer",)))
    decide(telemetry, replace(PLAIN, tells=("probe: no answer",)))
    assert [(each.kind, each.text) for each in heard] == 2 * [
        (HappeningKind.NOTICE, "probe: no answer")
    ]


def test_the_end_of_a_watch_is_told_once(telemetry: Telemetry, heard: list[Happening]) -> None:
    watch = Watch(release="abc", since=100.0)
    failed = replace(watch, phase=Phase.FAILED, reason="errors 0.3")
    for each in (watch, failed, failed):
        decide(telemetry, replace(PLAIN, watch=each))
    assert [each.text for each in heard] == ["the release abc has failed: errors 0.3"]


def test_an_action_is_told_with_its_reason_and_its_decision(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    decide(telemetry, replace(PLAIN, action=SCALE, reason="load 450 wants 4"))
    telemetry.acted(INTENT, Outcome.DONE, "", 0.1, None)
    (told,) = heard
    assert told.text == "scale 2 -> 4: load 450 wants 4"
    assert (told.kind, told.action, told.outcome) == (HappeningKind.SCALED, "scale_up", "done")
    assert (told.policy, told.decided_at) == ("shop", 100.0)


def test_an_action_without_an_answer_is_told_as_failed_until_it_is_settled(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    telemetry.acted(INTENT, Outcome.UNKNOWN, "no answer within 25 s", 25.0, None)
    telemetry.settled(INTENT, Outcome.DONE, "settled by reading")
    assert [each.kind for each in heard] == [HappeningKind.FAILED, HappeningKind.SCALED]
    assert heard[0].text == "scale 2 -> 4 may or may not have been done: no answer within 25 s"


def test_a_conflict_is_not_told_for_the_next_pass_settles_it(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    telemetry.acted(INTENT, Outcome.CONFLICT, "out of sequence", 0.1, None)
    assert heard == []


def test_policies_that_do_not_load_stand_until_they_do(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    telemetry.policies_loaded(1)
    telemetry.policies_failed(["shop.yaml:3: min: not a number"])
    telemetry.policies_failed(["shop.yaml:3: min: not a number"])
    telemetry.policies_loaded(1)
    assert ends(heard) == [("policies", "", "begun"), ("policies", "", "over")]
    assert "shop.yaml:3" in heard[0].text


def test_a_part_that_fails_is_told_until_it_goes_well(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    for number in (1, 2):
        telemetry.error("store", Temporary(f"attempt {number}: disk full"))
    telemetry.well("store")
    telemetry.well("store")
    assert [each.text for each in heard] == [
        "store fails: attempt 1: disk full",
        "store goes well again",
    ]


def test_what_a_fault_of_the_program_says_stays_in_the_log(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    telemetry.error("pass", KeyError("a-secret"), service="web")
    assert heard[0].text == "pass fails: KeyError; the log says more"


def test_an_agent_that_comes_is_told_only_if_it_had_gone(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    telemetry.agent_came("1", "node-1", "10.0.0.1", 1)
    telemetry.agent_went("1", "node-1", "silent for 15 s", 0)
    telemetry.agent_came("1", "node-1", "10.0.0.1", 1)
    assert ends(heard) == [("agents", "node-1", "begun"), ("agents", "node-1", "over")]


def test_of_a_service_that_is_gone_nothing_stands(
    telemetry: Telemetry, heard: list[Happening]
) -> None:
    decide(telemetry, sick(Health.STUCK))
    telemetry.gone("web")
    assert [each.span for each in heard] == [Span.BEGUN, Span.OVER]


def test_a_listener_that_raises_harms_neither_the_loop_nor_another_listener() -> None:
    happenings = Happenings()
    heard: list[Happening] = []

    def raises(_: Happening) -> None:
        raise RuntimeError

    happenings.subscribe(raises)
    unsubscribe = happenings.subscribe(heard.append)
    told = Happening(
        at=1.0, kind=HappeningKind.NOTICE, severity=Severity.INFO, text="look", service="web"
    )
    happenings.tell(told)
    unsubscribe()
    happenings.tell(told)
    assert heard == [told]
