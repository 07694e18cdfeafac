"""What `alert` finds, and what it asks Prometheus unless a query is stated."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.healing.alert import Alert
from autoscaler.model import Health
from autoscaler.policy import Heal
from autoscaler.sources.prometheus import options
from autoscaler.testing.builders import a_healer, a_service, a_task, per_task, value
from autoscaler.testing.checkups import found

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
