"""Many alerts over many services: counted is how often a label of an alert is looked up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from autoscaler.model import Alert, AlertStatus, Service
from autoscaler.ports import Query
from autoscaler.sources.alertmanager import AlertmanagerSource, Options
from autoscaler.sources.alertmanager.interest import FORGOTTEN, Interest
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.contracts.alerts import NOW

SERVICES, ALERTS = 1000, 10_000
Asks = Callable[[int], dict[str, Any]]
EVERY: Asks = lambda _: {"match": {"alertname": "Slow"}}  # noqa: E731
OF_ITS_SERVICE: Asks = lambda _: {"match": {"alertname": "Slow"}, "service_label": "service"}  # noqa: E731
OF_ITS_TEAM: Asks = lambda n: {"match": {"alertname": "Slow", "team": f"team-{n}"}}  # noqa: E731


class Labels(dict[str, str]):
    """Labels of an alert that count how often they are looked at."""

    looks: ClassVar[Counter[str]] = Counter()

    def get(self, key: str, default: Any = None) -> Any:
        self.looks[key] += 1
        return super().get(key, default)


def service(number: int) -> Service:
    return Service(id=f"id-{number}", name=f"web-{number}", version=1)


def alert(number: int) -> Alert:
    of = number % SERVICES
    labels = {"alertname": "Slow", "service": f"web-{of}", "team": f"team-{of}", "n": str(number)}
    return Alert(
        fingerprint=str(number),
        status=AlertStatus.FIRING,
        labels=Labels(labels),
        starts_at=NOW,
        received_at=NOW,
    )


def asked(asks: Asks) -> Interest:
    found = Interest()
    for number in range(SERVICES):
        found.note(Options.model_validate(asks(number)), service(number), NOW)
    return found


@pytest.mark.parametrize("asks", [EVERY, OF_ITS_SERVICE, OF_ITS_TEAM])
def test_the_work_for_a_delivery_grows_with_its_alerts_and_not_with_who_asks(asks: Asks) -> None:
    interest, alerts = asked(asks), [alert(number) for number in range(ALERTS)]
    Labels.looks.clear()
    assert interest.concerned(alerts) == {f"id-{number}" for number in range(SERVICES)}
    assert Labels.looks.total() <= 2 * ALERTS


@pytest.mark.parametrize("asks", [EVERY, OF_ITS_SERVICE, OF_ITS_TEAM])
def test_one_alert_concerns_those_it_is_about(asks: Asks) -> None:
    everybody = {f"id-{number}" for number in range(SERVICES)}
    concerned = everybody if asks is EVERY else {"id-7"}
    assert asked(asks).concerned([alert(7)]) == concerned


def test_those_who_have_not_asked_for_long_are_forgotten_with_all_that_they_asked() -> None:
    interest = asked(OF_ITS_TEAM)
    interest.note(Options.model_validate(OF_ITS_TEAM(3)), service(3), NOW + FORGOTTEN)
    interest.forget(NOW + FORGOTTEN)
    assert interest.concerned(alert(number) for number in range(SERVICES)) == {"id-3"}
    interest.forget(NOW + 2 * FORGOTTEN)
    assert vars(interest) == vars(Interest())


async def test_what_many_services_ask_in_the_same_words_is_found_once() -> None:
    source = AlertmanagerSource(AlertmanagerSource.Settings(), ManualClock(NOW))
    source.hear_alerts([alert(number) for number in range(ALERTS)])
    options = Options.model_validate(EVERY(0))
    samples = await source.read([Query(options, service(n)) for n in range(SERVICES)], {})
    assert {id(sample) for sample in samples} == {id(samples[0])}
    assert (samples[0].value, samples[0].detail) == (1.0, "10000 firing")
