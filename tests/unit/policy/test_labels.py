"""Labels say the same as files, and their errors name the label."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.labels import Labelled, read
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import a_service

BASE = {"enable": "true", "min": "2", "max": "9", "query": "sum(x)", "target": "100"}


def labelled(**labels: str) -> Labelled | None:
    """What `autoscaler.*` labels come to; two underscores stand for a dot."""
    ours = {f"autoscaler.{key.replace('__', '.')}": text for key, text in labels.items()}
    return read(a_service(labels=ours))


def problems(**labels: str) -> str:
    found = labelled(**labels)
    assert found is not None
    assert found.policy is None
    return "\n".join(found.problems)


def test_labels_state_the_policy_that_a_file_would() -> None:
    found = labelled(**BASE)
    metric = {"name": "query", "query": "sum(x)", "target": {"average_value": 100}}
    written = {"name": "labels.web", "services": ["web"]}
    assert found is not None
    assert found.policy == parse_policy(
        {**written, "scale": {"min": 2, "max": 9, "metrics": [metric]}}
    )


def test_the_document_of_labels_makes_the_same_policy_again() -> None:
    found = labelled(**BASE, behavior__scale_down__stabilization="1m")
    assert found is not None
    assert parse_policy(found.document) == found.policy


def test_lists_are_mappings_by_name_or_yaml() -> None:
    limits = "[{percent: 50, period: 1m}]"
    found = labelled(
        enable="true",
        max="9",
        metrics__jobs__query="jobs",
        metrics__jobs__target__value="5",
        behavior__scale_up__policies=limits,
    )
    assert found is not None
    assert found.policy is not None
    assert found.policy.scale is not None
    assert found.policy.scale.metrics[0].name == "jobs"
    assert found.policy.scale.behavior.scale_up.policies[0].percent == 50


def test_labels_heal_and_watch_releases_as_a_file_would() -> None:
    found = labelled(
        enable="true",
        heal__crash_loop__failures="3",
        heal__crash_loop__within="5m",
        heal__crash_loop__then="rollback",
        heal__slow__rule="alert",
        heal__slow__match="{alertname: Slow}",
        heal__slow__then="restart",
        disruption__min_available="1",
        release__watch="10m",
        release__checks__errors__query="errors",
        release__checks__errors__max="0.05",
    )
    crashes = {"rule": "crash_loop", "failures": 3, "within": "5m", "then": "rollback"}
    slow = {"name": "slow", "rule": "alert", "match": {"alertname": "Slow"}, "then": "restart"}
    errors = {"name": "errors", "query": "errors", "max": 0.05}
    assert found is not None
    assert found.policy == parse_policy(
        {
            "name": "labels.web",
            "services": ["web"],
            "heal": [crashes, slow],
            "disruption": {"min_available": 1},
            "release": {"watch": "10m", "checks": [errors]},
        }
    )
    assert found.policy is not None
    assert (found.policy.scale, found.policy.keeps_releases) == (None, True)
    assert parse_policy(found.document) == found.policy


def test_entries_of_heal_may_be_yaml() -> None:
    found = labelled(**BASE, heal="[{rule: exhausted, then: restart}]")
    assert found is not None
    assert found.policy is not None
    assert [each.rule for each in found.policy.heal] == ["exhausted"]


def test_without_labels_there_is_no_policy() -> None:
    assert read(a_service()) is None
    assert labelled(enable="false", max="not looked at") is None


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({**BASE, "max": "many"}, "label autoscaler.max: expected a whole number, not 'many'"),
        ({**BASE, "mx": "3"}, "label autoscaler.mx: unknown key 'mx' (did you mean 'max'?)"),
        ({**BASE, "min": "10"}, "min: 10 is above max: 9"),
        ({"enable": "true"}, "label autoscaler.max: this key is required"),
        ({**BASE, "enable": "yes"}, 'label autoscaler.enable: expected "true" or "false"'),
        ({"max": "3"}, "label autoscaler.enable: not there; without it"),
        ({**BASE, "metrics__query__query": "y"}, "label autoscaler.metrics.query.query states the"),
        ({**BASE, "metrics__query": "y"}, "states all of query already"),
        ({**BASE, "behavior": "{"}, "label autoscaler.behavior:"),
        ({**BASE, "behavior": "{scale_up: {x: 1}}"}, "label autoscaler.behavior: scale_up: x: unk"),
        ({**BASE, "query": "x" * 5000}, "longer than 4096"),
        ({**BASE, "x" * 300: "1"}, "its name is longer than 200"),
        ({**BASE, "__".join("abcdefghijk"): "1"}, "its name has more than 10 parts"),
        ({**BASE, "min__": "1"}, "a part of its name is empty"),
        ({**BASE, "target__cpu": "70%"}, "label autoscaler.target.cpu: expected a whole number"),
        (
            {"enable": "true", "max": "3", "target": "5"},
            "label autoscaler.query: this key is requi",
        ),
        (
            {**BASE, "metrics": "[]"},
            "label autoscaler.query: label autoscaler.metrics states all of",
        ),
        ({**BASE, "mode": "on"}, "label autoscaler.mode: expected 'active', 'dry-run' or 'paused'"),
        (
            {**BASE, "on_missing__after": "5m"},
            "label autoscaler.on_missing.fallback: this key is r",
        ),
        ({**BASE, "services": "[other]"}, "label autoscaler.services: unknown key"),
        ({**BASE, "formula": "1"}, "label autoscaler.formula: state exactly one strategy"),
        (
            {**BASE, "heal__exhausted__for": "1m"},
            "label autoscaler.heal.exhausted.then: this key is required",
        ),
        (
            {**BASE, "heal__crash_lop__then": "restart"},
            "label autoscaler.heal.crash_lop.then: no healing plugin 'crash_lop'",
        ),
        (
            {**BASE, "heal__a__then": "restart", "heal__b__rule": "exhausted"},
            "label autoscaler.heal.b.then: this key is required",
        ),
        ({**BASE, "heal": "restart"}, "label autoscaler.heal: expected a list, not 'restart'"),
        ({**BASE, "release__watch": "10"}, "label autoscaler.release.watch: 10 has no unit"),
        (
            {**BASE, "release__checks__errors__query": "x"},
            "label autoscaler.release.checks.errors.query: state a limit",
        ),
        (
            {**BASE, "disruption__min_available": "3"},
            "label autoscaler.disruption.min_available: min_available: 3 is above min: 2",
        ),
        ({"enable": "true", "disruption__backoff": "1m"}, "label autoscaler.max: this key is req"),
    ],
)
def test_an_error_names_its_label(labels: dict[str, str], told: str) -> None:
    assert told in problems(**labels)


@pytest.mark.parametrize(
    "labels",
    [
        {"urls": "[http://10.0.0.1/]"},
        {"metrics__a": "{source: scrape, urls: [http://10.0.0.1/], target: {value: 1}}"},
        {"metrics": "[{name: a, source: scrape, urls: [x], target: {value: 1}}]"},
        {"hold_down_while__a__url": "http://10.0.0.1/"},
        {"metrics__a__tasks__host": "10.0.0.1"},
        {"heal__probe__url": "http://10.0.0.1/"},
        {"release__checks__a__url": "http://10.0.0.1/"},
        {"release__traffic__url": "http://10.0.0.1/"},
    ],
)
def test_labels_make_nobody_call_an_address(labels: dict[str, str]) -> None:
    told = problems(enable="true", max="3", **labels)
    label = next(iter(labels)).replace("__", ".").partition(".urls")[0]
    assert f"label autoscaler.{label}" in told
    assert "policy files only" in told


def test_a_label_that_is_missing_is_named_as_one_would_write_it() -> None:
    assert "label autoscaler.query: this key" in problems(enable="true", max="3", target="5")
    found = problems(enable="true", max="3", metrics__jobs__target__value="5")
    assert "label autoscaler.metrics.jobs.query: this key is required" in found


def test_a_query_may_begin_with_a_brace() -> None:
    selector = '{job="shop"}'
    found = labelled(**{**BASE, "query": selector})
    assert found is not None
    assert found.problems == ()
    assert found.document["scale"]["metrics"][0]["query"] == selector


def test_a_target_in_braces_is_the_whole_target() -> None:
    found = labelled(**{**BASE, "target": "{value: 3}"}, target__cpu="{utilization: 60}")
    assert found is not None
    assert found.problems == ()
    query, cpu = found.document["scale"]["metrics"]
    assert query["target"] == {"value": 3}
    assert cpu == {
        "name": "cpu", "target": {"utilization": 60}, "source": "docker", "query": "cpu"
    }  # fmt: skip


def test_what_an_alias_repeats_is_not_changed_by_another_label() -> None:
    shared = "{scale_up: &a {stabilization: 1m}, scale_down: *a}"
    found = problems(**BASE, behavior=shared, behavior__scale_up__tolerance="0.5")
    assert "label autoscaler.behavior states all of behavior already" in found


def test_few_labels_cannot_hold_a_fortune_of_values() -> None:
    doubled = "".join(
        f", &{here} [*{before}, *{before}]" for before, here in pairwise("abcdefghijkl")
    )
    bombs = {f"x{number}": f"[&a [1, 1]{doubled}]" for number in range(190)}
    told = problems(**BASE, **bombs)
    assert "more than 5000 values together" in told
    assert "labels autoscaler.*: 170 more problems" in told


def test_labels_on_the_container_are_pointed_out() -> None:
    found = read(a_service(container_labels={"autoscaler.enable": "true"}))
    assert found is not None
    assert "belongs under deploy:" in found.problems[0]


def test_those_on_the_container_beside_the_service_s_own_are_pointed_out_too() -> None:
    ours = {"autoscaler.enable": "true", "autoscaler.max": "3"}
    found = read(a_service(labels=ours, container_labels={"autoscaler.min": "2"}))
    assert found is not None
    assert found.policy is not None
    assert "label autoscaler.min stands on the container" in found.notes[0]


WORDS = st.sampled_from(
    ["enable", "min", "max", "target", "cpu", "query", "metrics", "q", "behavior", "scale_up",
     "policies", "0", "", "on_missing", "cooldown", "schedules", "name", "source", "\x00", "é"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["true", "1", "-1", "1e9", "NaN", "5m", "[", "{a: 1}", "[[1]]", "&a [*a]"]),
    st.text(max_size=20),
)
KEYS = st.lists(WORDS, min_size=1, max_size=5).map(lambda words: "autoscaler." + ".".join(words))


@settings(max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_labels_give_a_policy_or_problems_that_name_a_label(labels: dict[str, str]) -> None:
    found = read(a_service(labels={"autoscaler.enable": "true", **labels}))
    if found is not None:
        assert (found.policy is None) == bool(found.problems)
        assert all("label" in problem for problem in found.problems)
