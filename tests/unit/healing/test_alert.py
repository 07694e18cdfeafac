"""What `alert` finds, and what it asks Prometheus unless a query is stated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.healing.alert import Alert
from autoscaler.model import Health, Sample
from autoscaler.policy import Heal
from autoscaler.sources.prometheus import options
from autoscaler.testing.builders import NOW, a_healer, a_service, a_task, per_task, value
from autoscaler.testing.checkups import examine, found

SLOW = Alert(match={"alertname": "Slow", "service": "$service"})


def entry(**more: Any) -> Heal:
    written = {"rule": "alert", "match": {"alertname": "Slow"}, "then": "restart", **more}
    return a_healer(written).heal[0]


def asked(**more: Any) -> options.Options:
    question = entry(**more).options
    assert isinstance(question, options.Options)
    return question


def test_an_alert_that_fires_is_named() -> None:
    finding = found(SLOW, a_task(1), service=a_service(1, name="shop_web"), sample=value(1.0))
    assert finding is not None
    assert finding.state is Health.DEGRADED
    assert finding.reason == "an alert fires: alertname=Slow, service=shop_web"
    assert found(SLOW, a_task(1), sample=per_task(0.0, 1.0)) is not None


def test_an_alert_that_does_not_fire_is_nothing() -> None:
    assert found(SLOW, a_task(1), sample=value(0.0)) is None
    assert found(SLOW, a_task(1)) is None


def test_prometheus_is_asked_for_alerts_that_fire() -> None:
    question = asked()
    assert question.query == 'ALERTS{alertstate="firing",alertname="Slow"}'
    assert (question.reduce, question.on_empty) == ("max", "zero")


def test_a_services_name_may_stand_in_a_label_and_nothing_breaks_out_of_it() -> None:
    question = asked(match={"alertname": 'a"b\\c\n', "service": "$service"})
    filled = question.template.fill(service='web"}', stack=None)
    assert filled == (r'ALERTS{alertstate="firing",alertname="a\"b\\c\n",service="web\u0022}"}')


def test_a_query_that_is_stated_is_asked_instead() -> None:
    question = asked(query="max(slow)", on_empty="missing")
    assert (question.query, question.on_empty) == ("max(slow)", "missing")


def test_another_source_is_asked_by_its_own_options() -> None:
    heal = entry(source="constant", value=1.0)
    assert heal.options is not None
    assert heal.options.model_dump() == {"value": 1.0}


def test_an_alertmanager_is_asked_for_the_same_labels() -> None:
    question = entry(source="alertmanager", service_label="service").options
    assert question is not None
    assert question.model_dump(exclude_unset=True) == {
        "match": {"alertname": "Slow"},
        "service_label": "service",
    }


@pytest.mark.parametrize("match", [{}, {"no label": "x"}, {"alertname": 3}])
def test_labels_are_labels(match: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        entry(match=match)


def named(*alerts: str) -> Sample:
    return replace(value(1.0 if alerts else 0.0), alerts=alerts)


def test_labels_are_asked_for_to_the_letter() -> None:
    asked = Alert(match={"alertname": 'Grö"ße'}).question()
    assert asked["query"] == 'ALERTS{alertstate="firing",alertname="Grö\\"ße"}'


def test_since_when_an_alert_is_known_is_remembered() -> None:
    rule = Alert(match={"alertname": "Slow"})
    memory, _ = examine(rule, sample=named("a@1"), now=NOW)
    memory, _ = examine(rule, sample=named("a@1", "b@2"), memory=memory, now=NOW + 60)
    assert memory == {"a@1": NOW, "b@2": NOW + 60}
    for quiet in (named(), named("b@2"), None):
        assert examine(rule, sample=quiet, memory=memory, now=NOW + 90)[0] == memory


def test_an_alert_without_a_name_is_forgotten_when_none_fires() -> None:
    rule = Alert(match={"alertname": "Slow"})
    memory, _ = examine(rule, sample=value(1.0), now=NOW)
    assert memory == {"": NOW}
    assert examine(rule, sample=None, memory=memory) == (memory, None)
    assert examine(rule, sample=value(0.0), memory=memory) == (None, None)
    assert examine(rule, sample=named("a@1"), memory=memory, now=NOW + 9)[0] == {"a@1": NOW + 9}
    assert examine(rule, sample=None) == (None, None)


@pytest.mark.parametrize("wrong", ["ab", 7, [1], {"a@1": "x"}, {"a@1": 7}])
def test_a_memory_of_alerts_that_cannot_be_read_counts_as_none(wrong: Any) -> None:
    rule = Alert(match={"alertname": "Slow"})
    assert examine(rule, sample=None, memory=wrong) == (None, None)


def test_of_many_alerts_those_that_fire_and_the_newest_are_remembered() -> None:
    rule = Alert(match={"alertname": "Slow"})
    known = {f"{n:03}": NOW - 300.0 + n for n in range(200)}
    memory, _ = examine(rule, sample=named("000", "new"), memory=known)
    assert set(memory) == {"000", "new", *(f"{n:03}" for n in range(2, 200))}
