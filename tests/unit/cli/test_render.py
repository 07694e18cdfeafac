"""Everything that an explanation may have to tell."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.cli.render.backtest import Comparison
from autoscaler.cli.render.explanation import explanation
from autoscaler.cli.render.listing import Listing
from autoscaler.model import (
    Act,
    FleetFacts,
    Health,
    Quality,
    Recommendation,
    Room,
    Standing,
    Verdict,
)
from autoscaler.testing.builders import NOW, a_memory, a_service, observe, per_task, unknown, value
from tests.unit.cli.conftest import a_record


def drawn(what: RenderableType) -> str:
    text = StringIO()
    Console(file=text, width=200).print(what)
    return re.sub(" +", " ", text.getvalue())


def test_an_explanation_tells_all_that_was_seen() -> None:
    observation = observe(
        a_service(5, rollout_message="since noon"),
        {"requests": per_task(100.0, 300.0, None), "latency": value(0.25)},
        coverage={"requests": value(0.5)},
        fleet=FleetFacts(removable=3),
        room=Room(more=1, reason="memory on node-1"),
        unsettled="scale 4 -> 5: no answer",
    )
    memory = a_memory(5, disturbed_at=NOW - 600, missing_since=NOW - 60, good=1)
    told = drawn(explanation(a_record(observation, memory), NOW + 10))
    assert ", 10s ago" in told
    assert "rollout none since noon" in told
    assert "room for 1 more; memory on node-1" in told
    assert "the fleet may lose 3" in told
    assert "the fleet may gain no limit" in told
    assert "unsettled scale 4 -> 5: no answer" in told
    assert "changed by somebody else 10m before" in told
    assert "data missing since 60s before; good samples since: 1" in told
    assert "requests 200 in 2 tasks value" in told
    assert "its coverage 0.5 value" in told


def test_a_metric_that_was_not_read_is_told() -> None:
    record = a_record(observe(a_service(5), {"requests": value(500.0)}), a_memory(5))
    assert "latency - not read" in drawn(explanation(record, NOW))


def test_what_rules_asked_and_could_not_learn_is_told() -> None:
    numbers = {"probe": value(7.0), "alert": unknown(Quality.ERROR, "connection refused")}
    record = a_record(observe(a_service(5), symptoms=numbers), a_memory(5))
    silent = Recommendation(
        name="alert", replicas=None, reason="not known: error", abstains=True, act=Act.RESTART
    )
    health = Standing(state=Health.HEALTHY)
    decision = replace(record.decision, recommendations=(silent,), health=health)
    told = drawn(explanation(replace(record, decision=decision), NOW))
    assert "probe 7 value" in told
    assert "alert - error (connection refused)" in told
    assert "unknown alert: not known: error" in told


def test_verdicts_of_another_version_are_told_too() -> None:
    observation = observe(a_service(5), {"requests": value(900.0), "latency": value(0.25)})
    record = a_record(observation, a_memory(5))
    verdicts = (Verdict(guard="of_old", replicas=5, reason="not on Sundays"),)
    decision = replace(record.decision, action=None, verdicts=verdicts, held_by="of_old")
    told = drawn(explanation(replace(record, decision=decision), NOW))
    assert "of_old 9 -> 5 not on Sundays" in told
    assert "none: held by of_old" in told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d")],
)
def test_ages_are_short(seconds: float, told: str) -> None:
    assert words.ago(NOW - seconds, NOW) == told


def test_what_is_not_known_is_a_dash() -> None:
    assert (words.ago(None, NOW), words.count(None), words.number(None)) == ("-", "-", "-")


def lines(what: RenderableType, width: int) -> list[str]:
    text = StringIO()
    Console(file=text, width=width).print(what)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_a_sentence_stands_below_its_row_where_there_is_no_room_beside_it() -> None:
    listing = Listing("SERVICE", ">REPLICAS", "BECAUSE")
    listing.add_row("shop_web", "1, wants 0", "backlog: 0 a replica, target 5: 1 -> 0")
    listing.add_row("a_service_with_a_long_name", "12", Text("no change\nnote: twice"))
    assert lines(listing, 80) == [
        "SERVICE                       REPLICAS",
        "shop_web                    1, wants 0",
        "  backlog: 0 a replica, target 5: 1 -> 0",
        "a_service_with_a_long_name          12",
        "  no change",
        "  note: twice",
    ]
    assert lines(listing, 110)[:2] == [
        "SERVICE                       REPLICAS  BECAUSE",
        "shop_web                    1, wants 0  backlog: 0 a replica, target 5: 1 -> 0",
    ]


def test_what_does_not_fit_beside_a_name_stands_below_it_and_is_not_broken() -> None:
    listing = Listing("SERVICE", "POLICY", ">REPLICAS", "HELD BY", "BECAUSE")
    listing.add_row("a_service_with_a_long_name", "a-policy", "5, wants 3", "cooldown", "why")
    listing.add_row("web", "a-policy", "5", "", "no change")
    assert lines(listing, 40) == [
        "SERVICE                     POLICY",
        "    REPLICAS  HELD BY",
        "a_service_with_a_long_name  a-policy",
        "  5, wants 3  cooldown",
        "  why",
        "web                         a-policy",
        "           5",
        "  no change",
    ]


def test_a_line_of_a_row_with_nothing_in_it_is_left_out() -> None:
    listing = Listing("SERVICE", "HELD BY", "BECAUSE")
    listing.add_row("a_service_with_a_long_name", "", "no change")
    listing.add_row("web", "failed_cure", "why")
    assert lines(listing, 30)[2:4] == ["a_service_with_a_long_name", "  no change"]


def test_policies_that_do_not_fit_side_by_side_stand_below_one_another() -> None:
    names = [f"policy-{number}.yaml" for number in range(3)]
    told = lines(Comparison(names, [{"replica-hours": str(number)} for number in range(3)]), 45)
    assert [line.split() for line in told] == [
        names[:2],
        ["replica-hours", "0", "1"],
        [],
        names[2:],
        ["replica-hours", "2"],
    ]
    assert all(len(line) <= 45 for line in told)


def test_a_name_is_whole_in_the_narrowest_terminal() -> None:
    listing = Listing("SERVICE", "POLICY", "BECAUSE")
    listing.add_row("a_service_with_a_long_name", "a-policy-with-a-long-name", "no change")
    told = lines(listing, 40)
    assert told[2:4] == ["a_service_with_a_long_name", "  a-policy-with-a-long-name"]
