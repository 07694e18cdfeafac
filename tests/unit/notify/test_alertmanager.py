"""Happenings as alerts, and what one server's failure means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import HappeningKind, Message, Span
from autoscaler.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerSettings, alerts
from autoscaler.testing.contracts.notifier import AT, a_happening, a_message
from autoscaler.testing.hook import Hook
from autoscaler.testing.real.processes import free_port


def settings(**stated: Any) -> AlertmanagerSettings:
    return AlertmanagerSettings.model_validate(stated)


def times(message: Message, **stated: Any) -> list[tuple[str | None, str | None]]:
    made = alerts(message, settings(**stated))
    return [(alert.get("startsAt"), alert.get("endsAt")) for alert in made]


def test_what_lasts_ends_by_itself_if_it_is_not_told_again() -> None:
    message = replace(a_message(), at=AT + 120)
    begun, ends = "2023-11-14T22:13:20+00:00", "2023-11-14T22:19:20+00:00"
    assert times(message) == [(begun, ends)]
    assert times(message, repeat=None) == [(begun, None)]


def test_what_is_over_ends_when_it_did() -> None:
    assert times(a_message(a_happening(span=Span.OVER))) == [(None, "2023-11-14T22:13:20+00:00")]


def test_a_moment_is_an_alert_for_as_long_as_is_stated() -> None:
    moment = a_message(a_happening(span=Span.MOMENT))
    ends = "2023-11-14T22:15:20+00:00"
    assert times(moment, lasts="2m") == [("2023-11-14T22:13:20+00:00", ends)]


def test_both_ends_are_the_same_alert() -> None:
    begun, over = a_happening(), a_happening("no longer quarantined", span=Span.OVER)
    (first,), (second,) = (list(alerts(a_message(each), settings())) for each in (begun, over))
    assert first["labels"] == second["labels"]


def test_of_several_about_the_same_the_last_one_counts() -> None:
    begun, over = a_happening(), a_happening("no longer quarantined", span=Span.OVER)
    (alert,) = alerts(a_message(begun, over), settings())
    assert alert["annotations"]["summary"] == "no longer quarantined"


def test_labels_that_would_be_empty_are_left_out_and_others_are_added() -> None:
    told = a_happening(kind=HappeningKind.HEALING_STOPPED, service="", policy="", about="")
    (alert,) = alerts(a_message(told), settings(labels={"cluster": "prod"}))
    assert alert["labels"] == {
        "alertname": "AutoscalerHealingStopped",
        "severity": "critical",
        "cluster": "prod",
    }
    assert "generatorURL" not in alert


async def send(*urls: str) -> None:
    notifier = AlertmanagerNotifier(settings(urls=urls))
    try:
        await notifier.send(a_message())
    finally:
        await notifier.close()


async def test_one_server_that_takes_it_is_enough() -> None:
    async with Hook() as hook:
        await send(f"http://127.0.0.1:{free_port()}", hook.url)
        assert [each.path for each in hook.taken] == ["/api/v2/alerts"]


async def test_where_none_takes_it_each_is_told_by_its_number() -> None:
    async with Hook() as hook:
        with hook.answering(400):
            with pytest.raises(Temporary) as mixed:
                await send(hook.url, f"http://127.0.0.1:{free_port()}")
            with pytest.raises(Permanent) as refused:
                await send(hook.url)
    told = "server 1: it answered 400; server 2: cannot be reached: connection refused"
    assert str(mixed.value) == told
    assert str(refused.value) == "server 1: it answered 400"
