"""What is answered by alerts, and who is woken by them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Alert, Quality, Sample, Service
from autoscaler.ports import Query
from autoscaler.sources.alertmanager import AlertmanagerSource, Options
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.contracts.alerts import NOW, firing, resolved

WEB = Service(id="web-id", name="shop_web", version=1)
API = Service(id="api-id", name="shop_api", version=1)


class Told:
    """A source, and what it answers."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock(NOW)
        checked = AlertmanagerSource.Settings.model_validate(settings)
        self.source = AlertmanagerSource(checked, self.clock)

    def hears(self, *alerts: Alert, whole: bool = False) -> set[str]:
        return set(self.source.hear_alerts(alerts, whole=whole))

    def answers(self, service: Service = WEB, **options: Any) -> Sample:
        asked = Options.model_validate({"match": {"alertname": "Slow"}, **options})
        return asyncio.run(self._read([Query(asked, service)]))[0]

    async def _read(self, queries: Sequence[Query]) -> Sequence[Sample]:
        return await self.source.read(queries, {})


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_is_known_before_the_first_alert(told: Told) -> None:
    assert told.answers().quality is Quality.NO_DATA
    told.hears()
    assert told.answers().quality is Quality.NO_DATA
    told.hears(firing("Full"))
    assert (told.answers().quality, told.answers().value) == (Quality.VALUE, 0.0)


def test_that_none_fires_is_known_once_alertmanager_said_so(told: Told) -> None:
    told.hears(whole=True)
    assert (told.answers().quality, told.answers().value) == (Quality.VALUE, 0.0)


def test_one_that_fires_is_1_and_named(told: Told) -> None:
    told.hears(firing())
    sample = told.answers()
    assert (sample.quality, sample.value) == (Quality.VALUE, 1.0)
    assert sample.alerts == (firing().identity,)


def test_only_alerts_with_the_labels_of_the_policy_count(told: Told) -> None:
    told.hears(firing())
    assert told.answers(match={"alertname": "Slow", "severity": "page"}).value == 0.0
    assert told.answers(match={"service": "$service"}).value == 1.0
    assert told.answers(API, match={"service": "$service"}).value == 0.0


def test_a_label_may_name_the_service(told: Told) -> None:
    told.hears(firing())
    assert told.answers(WEB, service_label="service").value == 1.0
    assert told.answers(API, service_label="service").value == 0.0
    assert told.answers(API).value == 1.0


def test_nothing_shrinks_by_an_end_until_it_is_settled(told: Told) -> None:
    told.hears(firing())
    told.hears(resolved(firing()))
    sample = told.answers(settle="3m")
    assert (sample.quality, sample.value) == (Quality.PARTIAL, 0.0)
    told.clock.now += 180
    assert told.answers(settle="3m").quality is Quality.VALUE


def test_one_that_is_not_told_again_is_over_in_the_end() -> None:
    told = Told(keep="1h")
    told.hears(firing(), replace(firing("Full"), ends_at=NOW + 60))
    assert told.answers(match={"alertname": "Full"}).value == 1.0
    told.clock.now += 60
    assert told.answers(match={"alertname": "Full"}).value == 0.0
    told.clock.now += 3600
    assert told.answers().value == 0.0


def test_what_fired_before_a_short_absence_fires_still(told: Told) -> None:
    told.source.recall_alerts([firing()], away=60.0)
    assert told.answers().value == 1.0


def test_what_fired_before_a_long_absence_is_not_known_until_it_is_told_again(told: Told) -> None:
    told.source.recall_alerts([firing(), firing("Full")], away=601.0)
    assert told.answers().quality is Quality.NO_DATA
    assert told.answers(match={"alertname": "Other"}).value == 0.0
    assert told.hears(firing()) == {"web-id"}
    assert told.answers().value == 1.0
    assert told.answers(match={"alertname": "Full"}).quality is Quality.NO_DATA
    told.hears(whole=True)
    assert told.answers(match={"alertname": "Full"}).value == 0.0
    assert told.answers().value == 1.0


def test_who_has_asked_about_an_alert_is_woken_when_it_fires(told: Told) -> None:
    told.answers(WEB, service_label="service")
    told.answers(API, service_label="service")
    assert told.hears(firing("Full")) == set()
    assert told.hears(firing()) == {"web-id"}


def test_who_means_any_service_is_woken_with_the_others(told: Told) -> None:
    told.answers(WEB)
    told.answers(API, match={"service": "shop_web"})
    assert told.hears(firing()) == {"web-id", "api-id"}


def test_nobody_is_woken_by_an_end_or_by_what_is_known(told: Told) -> None:
    told.answers()
    told.hears(firing())
    assert told.hears(firing()) == set()
    assert told.hears(resolved(firing())) == set()


def test_who_has_not_asked_for_long_is_not_woken(told: Told) -> None:
    told.answers(WEB)
    told.clock.now += 3601
    told.answers(API)
    assert told.hears(firing()) == {"api-id"}


def test_an_alert_whose_labels_change_is_found_by_the_new_ones(told: Told) -> None:
    told.hears(firing())
    told.hears(replace(firing(), labels={"alertname": "Other"}))
    assert told.answers().value == 0.0
    assert told.answers(match={"alertname": "Other"}).value == 1.0


@pytest.mark.parametrize(
    "options", [{}, {"match": {}}, {"match": {"a": 1}}, {"match": {"": "x"}}, {"match": "a=b"}]
)
def test_options_without_labels_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


@pytest.mark.parametrize(
    "settings",
    [
        {"urls": ["ftp://a"]},
        {"urls": ["http://user:secret@a"]},
        {"urls": ["http://a/?x=1"]},
        {"username": "a"},
        {"username": "a", "password_file": "/p", "bearer_token_file": "/t"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        AlertmanagerSource.Settings.model_validate(settings)
    assert "secret@" not in str(refused.value)
