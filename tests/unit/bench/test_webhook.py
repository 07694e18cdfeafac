"""What the benchmark of the webhook counts."""

from __future__ import annotations

from itertools import islice

from autoscaler.alertmanager import read_webhook
from autoscaler.model import Receipt, all_taken
from autoscaler.testing.webhook import webhook
from bench.deliveries import SERVICES, Sent, alerts, many, together


def test_each_alert_of_the_load_is_news() -> None:
    sent = [*islice(alerts(), 4 * SERVICES)]
    delivery = read_webhook(webhook(sent), at=2e9)
    answers, _ = all_taken({}, delivery.alerts, room=10 * SERVICES, kept=1e9)
    assert {each.receipt for each in answers} == {Receipt.ACCEPTED}
    assert len({each.fingerprint for each in answers}) == SERVICES


def test_a_body_of_many_alerts_can_be_used_whole() -> None:
    delivery = read_webhook(many(500), at=2e9)
    assert len({each.fingerprint for each in delivery.alerts}) == 500
    assert not delivery.unusable


def test_figures_are_of_all_rounds() -> None:
    first, second = Sent(seconds=[0.001, 0.003]), Sent(seconds=[0.002])
    first.statuses[200], second.statuses[200], second.statuses[503] = 2, 1, 1
    found = together([first, second]).figures()
    assert (found["posts"], found["p50_ms"], found["most_ms"]) == (4, 2.0, 3.0)
    assert found["statuses"] == {"200": 3, "503": 1}
