"""`status`, `history` and `explain`: what the running service has stored."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.model import FleetFacts, Outcome, Quality, Record, Room
from autoscaler.testing.builders import a_memory, a_service, observe, unknown, value
from tests.unit.cli.conftest import Call, a_record, fill_store

NOW = time.time() - 30


def record(name: str = "shop_web", load: float = 900.0, at: float = NOW, **seen: object) -> Record:
    service = replace(a_service(5), id=f"id-{name}", name=name)
    samples = {
        "requests": value(load, at=at - 12),
        "latency": unknown(Quality.STALE, "312 s old"),
    }
    return a_record(observe(service, samples, now=at, **seen), a_memory(5))


def squeezed(text: str) -> str:
    return re.sub(" +", " ", text)


def test_explain_shows_all_that_led_to_a_decision(call: Call) -> None:
    fill_store([record(fleet=FleetFacts(removable=3, addable=2))])
    result = call("explain", "shop_web")
    assert result.exit_code == 0, result.output
    told = squeezed(result.output)
    assert "shop_web policy shop-web" in told
    assert "replicas 5, running 5" in told
    assert "the fleet may gain 2" in told
    assert "requests 900 value 12s 9 180 a replica, target 100: 5 -> 9" in told
    assert "latency - stale (312 s old)" in told
    assert "9, has 5 (requests: 180 a replica, target 100: 5 -> 9)" in told
    assert "bounds lets it pass" in told
    assert "fleet_ceiling 9 -> 7 max_total_replicas leaves 2 of 4 to add" in told
    assert "scale 5 -> 7 at version 7" in told


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (Room(more=None), "room for as many as it likes\n"),
        (
            Room(more=3, reason="the nodes are full then"),
            "room for 3 more; the nodes are full then",
        ),
    ],
)
def test_explain_says_how_many_more_tasks_fit(call: Call, room: Room, told: str) -> None:
    fill_store([record(room=room)])
    assert told in squeezed(call("explain", "shop_web").output)


def test_explain_names_the_last_change_beside_a_decision_that_changes_nothing(call: Call) -> None:
    fill_store([record(at=NOW - 600), record(load=300.0)], Outcome.DONE)
    told = squeezed(call("explain", "shop_web").output)
    assert "none: held by missing_data" in told
    assert re.search(r"scale 5 -> 9 [0-9-]+ [0-9:]+, \d+m ago done\n requests: 180 a replica", told)
    assert "autoscaler explain shop_web --last-change" in told


def test_the_last_change_is_explained_in_full_when_asked_for(call: Call) -> None:
    fill_store([record(at=NOW - 600), record(load=300.0)], Outcome.FAILED)
    told = squeezed(call("explain", "shop_web", "--last-change").output)
    assert "scale 5 -> 9 at version 7 failed" in told
    assert "LAST CHANGE" not in told


def test_that_nothing_was_done_is_told(call: Call) -> None:
    fill_store([record(load=300.0)])
    assert "LAST CHANGE" not in call("explain", "shop_web").output
    result = call("explain", "shop_web", "--last-change")
    assert result.exit_code == 1
    assert "Error: nothing has been done to 'shop_web' in the time that is stored" in result.output


def test_explain_answers_scripts(call: Call) -> None:
    fill_store([record(at=NOW - 600), record(load=300.0)], Outcome.DONE)
    told = json.loads(call("explain", "shop_web", "--json").output)
    assert told["decision"]["held_by"] == "missing_data"
    assert told["last_change"]["decision"]["action"]["replicas"] == 9
    assert told["last_change"]["outcome"] == "done"
    told = json.loads(call("explain", "shop_web", "--json", "--last-change").output)
    assert told["decision"] == told["last_change"]["decision"]
    fill_store([record("mail_in", load=300.0)])
    assert json.loads(call("explain", "mail_in", "--json").output)["last_change"] is None


def test_explain_says_what_held_a_service(call: Call) -> None:
    fill_store([record(load=300.0)])
    told = squeezed(call("explain", "shop_web").output)
    assert "none: held by missing_data" in told
    assert "missing_data 3 -> 5" in told
    assert "stabilization not asked" in told


def test_explain_says_when_nothing_was_to_be_done(call: Call) -> None:
    everything = record(load=500.0)
    samples = {**everything.observation.samples, "latency": value(0.25)}
    observation = replace(everything.observation, samples=samples)
    fill_store([a_record(observation, everything.memory)])
    told = squeezed(call("explain", "shop_web").output)
    assert "5, as it is" in told
    assert "none: nothing to do" in told
    assert "GUARDS" not in told


def test_a_record_can_be_saved_and_decided_again(call: Call) -> None:
    fill_store([record()])
    saved = call("explain", "shop_web", "--record").output
    assert set(json.loads(saved)) == {"policy", "observation", "memory", "decision"}
    Path("record.json").write_text(saved)
    result = call("explain", "--observation", "record.json")
    assert result.exit_code == 0
    assert result.output.endswith("Deciding again gives the same decision.\n")


def test_another_decision_is_told(call: Call) -> None:
    fill_store([record()])
    saved = json.loads(call("explain", "shop_web", "--record").output)
    saved["policy"]["scale"]["max"] = 6
    Path("record.json").write_text(json.dumps(saved))
    result = call("explain", "--observation", "record.json")
    assert result.exit_code == 1
    assert "Deciding again differs in action, reason, max, verdicts:" in result.output
    result = call("explain", "--observation", "record.json", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["decision"]["max"], told["again"]["max"]) == (20, 6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "record.json: not a Record of this version: the document: "),
        ("{}", "record.json: not a Record of this version: policy"),
        (None, "this version does not understand the record's policy: scale.max: expected"),
    ],
)
def test_what_is_no_record_is_told(call: Call, text: str | None, told: str) -> None:
    fill_store([record()])
    saved = json.loads(call("explain", "shop_web", "--record").output)
    saved["policy"]["scale"]["max"] = "many"
    Path("record.json").write_text(json.dumps(saved) if text is None else text)
    result = call("explain", "--observation", "record.json")
    assert result.exit_code == 1
    assert f"Error: {told}" in result.output


def test_explain_knows_similar_names(call: Call) -> None:
    fill_store([record()])
    result = call("explain", "shop_wbe")
    assert result.exit_code == 1
    assert result.output == (
        "Error: no decision about 'shop_wbe' is stored; did you mean shop_web?\n"
    )


def test_explain_wants_a_service_or_a_file(call: Call) -> None:
    assert call("explain").exit_code == 2
    Path("record.json").touch()
    assert call("explain", "shop_web", "--observation", "record.json").exit_code == 2
    assert call("explain", "--last-change", "--observation", "record.json").exit_code == 2
    assert call("explain", "shop_web", "--json", "--record").exit_code == 2


def test_without_a_store_the_next_step_is_told(call: Call) -> None:
    for words in (["status"], ["history"], ["explain", "shop_web"]):
        result = call(*words)
        assert result.exit_code == 1
        assert result.output == (
            "Error: there is no store at store.db: start the service, or name it by --store\n"
        )


def test_status_tells_of_each_service(call: Call) -> None:
    fill_store([record("mail_in", load=300.0), record("shop_web")])
    told = squeezed(call("status").output)
    assert re.search(r"mail_in shop-web unknown 5, wants 3 missing_data [0-9ms ]+ ago", told)
    assert "shop_web shop-web unknown 5 -> 9" in told
    found = json.loads(call("status", "--json").output)
    assert [(one["service"], one["held_by"]) for one in found] == [
        ("mail_in", "missing_data"),
        ("shop_web", None),
    ]


def test_status_names_each_policy_that_has_decided_nothing(call: Call) -> None:
    fill_store([record()])
    Path("policies").mkdir()
    some = ("spare", "[gone]"), ("shop-web", "[shop_web]")
    lines = [f"  - {{name: {name}, services: {services}}}\n" for name, services in some]
    Path("policies/a.yaml").write_text("version: 1\npolicies:\n" + "".join(lines))
    told = "policy spare (policies/a.yaml:3) has decided nothing: has it no service?\n"
    assert call("status").stdout.endswith(told)
    assert call("status", "--json").stderr == told
    Path("policies/a.yaml").write_text("version: 2")
    assert call("status").exit_code == 0


def test_history_is_newest_first_with_outcomes(call: Call) -> None:
    fill_store([record(at=NOW - 60), record(at=NOW - 30, load=300.0)], Outcome.DONE)
    lines = squeezed(call("history").output).splitlines()
    assert "shop_web 5, wants 3" in lines[1]
    assert "shop_web 5 -> 9 done" in lines[2]
    found = json.loads(call("history", "--json", "--actions").output)
    assert [(one["decision"]["service"], one["outcome"]) for one in found] == [("shop_web", "done")]


def test_history_looks_back_as_far_as_is_asked(call: Call) -> None:
    fill_store([record(at=NOW - 7200), record("mail_in", at=NOW)])
    assert len(json.loads(call("history", "--json").output)) == 2
    assert len(json.loads(call("history", "--json", "--since", "1h").output)) == 1
    assert len(json.loads(call("history", "--json", "--limit", "1").output)) == 1
    assert len(json.loads(call("history", "--json", "--service", "mail_in").output)) == 1
    quiet = call("history", "--service", "shop_web", "--since", "1h")
    assert (quiet.exit_code, quiet.output.startswith("No decision is stored")) == (0, True)


def test_history_of_a_name_that_nobody_knows_says_what_is_meant(call: Call) -> None:
    fill_store([record(at=NOW - 7200)])
    result = call("history", "--service", "shop_wep")
    assert (result.exit_code, "shop_web" in result.output) == (1, True)
    assert result.output == call("explain", "shop_wep").output
    assert call("history", "--since", "5").exit_code == 2


def test_an_empty_store_is_told(call: Call) -> None:
    fill_store([])
    assert call("status").output.endswith("\nNo decision has been stored yet.\n")
    assert "is the service running, with this store?" in call("explain", "x").output
