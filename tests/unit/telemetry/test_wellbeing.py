"""A service's health is told when it changes; not that it is unknown for a moment."""

from __future__ import annotations

from dataclasses import replace

from structlog.testing import capture_logs

from autoscaler.model import Decision, Happening, Health, Standing, Verdict
from autoscaler.news import gist
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import NOW
from autoscaler.wellbeing import MOMENT, Wellbeing

PLAIN = Decision(
    at=NOW,
    policy="p",
    service_id="web-id",
    service="web",
    current=3,
    wanted=None,
    action=None,
    reason="",
)


def decision(state: Health, after: float = 0.0) -> Decision:
    return replace(PLAIN, at=NOW + after, health=Standing(state=state))


def turns(*states: tuple[Health, float]) -> list[tuple[Health, Health]]:
    known, found = Wellbeing(), []
    for state, after in states:
        turn = known.turn(known.of(decision(state, after)))
        found += [turn] if turn else []
    return found


HEALTHY, SICK, UNKNOWN = Health.HEALTHY, Health.DEGRADED, Health.UNKNOWN


def test_what_is_unknown_for_a_moment_is_as_it_was() -> None:
    assert turns((HEALTHY, 0), (UNKNOWN, 1), (UNKNOWN, 20), (HEALTHY, 40)) == []
    assert turns((SICK, 0), (UNKNOWN, 1), (SICK, 40)) == [(HEALTHY, SICK)]
    assert turns((SICK, 0), (UNKNOWN, 1), (HEALTHY, 40)) == [(HEALTHY, SICK), (SICK, HEALTHY)]


def test_what_stays_unknown_is_told() -> None:
    assert turns((HEALTHY, 0), (UNKNOWN, 1), (UNKNOWN, 1 + MOMENT)) == [(HEALTHY, UNKNOWN)]
    assert turns((UNKNOWN, 0), (HEALTHY, 9), (UNKNOWN, 50), (UNKNOWN, 70)) == []


def test_a_clock_that_is_set_back_hides_nothing_for_long() -> None:
    assert turns((HEALTHY, 0), (UNKNOWN, 100), (UNKNOWN, 0)) == [(HEALTHY, UNKNOWN)]


def test_a_service_that_is_gone_is_forgotten() -> None:
    known = Wellbeing()
    known.turn(decision(SICK))
    known.forget("web")
    assert known.turn(decision(SICK, 1)) == (HEALTHY, SICK)


def test_a_decision_is_no_news_because_the_tasks_are_not_listed_yet() -> None:
    before = gist(decision(SICK))
    assert gist(decision(UNKNOWN), before) == before
    assert gist(decision(HEALTHY), before) != before
    assert gist(decision(UNKNOWN)) != gist(decision(HEALTHY))


def test_it_is_news_what_holds_a_cure_whatever_holds_the_replicas() -> None:
    def held(guard: str) -> Decision:
        cure = Verdict(guard=guard, replicas=3, reason="found 15 s ago", about="alert")
        return replace(decision(SICK), held_by="dry_run", verdicts=(cure,))

    assert gist(held("second_look")) != gist(held("heal_dry_run"))
    later = replace(held("second_look"), reason="found 30 s ago")
    assert gist(held("second_look")) == gist(later)


def test_neither_the_log_nor_whoever_listens_hears_of_a_moment() -> None:
    telemetry = Telemetry(lambda: NOW)
    told: list[Happening] = []
    telemetry.happenings.subscribe(told.append)
    with capture_logs() as logs:
        for state, after in ((SICK, 0.0), (UNKNOWN, 15.0), (SICK, 30.0)):
            telemetry.decided(decision(state, after), news=False, samples={}, bounds=None)
    assert [(line["from"], line["to"]) for line in logs] == [("healthy", "degraded")]
    assert len(told) == 1
