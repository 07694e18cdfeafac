"""What a message says."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import HappeningKind, Message, Severity, Span
from autoscaler.model.message import LONGEST, MOST_SHOWN
from autoscaler.testing.contracts.notifier import AT, a_happening, a_message


def test_one_happening_is_the_title_and_its_reason_the_text() -> None:
    message = a_message()
    assert message.title == "autoscaler: shop_web quarantined"
    assert message.text == "[critical] shop_web quarantined: 3 heals did not last"


def test_several_are_counted_in_the_title() -> None:
    both = (a_happening("a"), a_happening("b", kind=HappeningKind.ROLLED_BACK))
    assert a_message(*both).title == "autoscaler: 2 events of shop_web"
    more = a_happening(service="db")
    assert a_message(*both, more).title == "autoscaler: 3 events of 2 services"
    assert "shop_web rolled back: b" in a_message(*both).text


def test_what_is_over_says_so_and_counts_for_nothing() -> None:
    over = a_happening("no longer quarantined", span=Span.OVER)
    message = a_message(over, a_happening("slow", severity=Severity.WARNING))
    assert message.severity is Severity.WARNING
    assert message.text.startswith("[ended] shop_web quarantined: no longer quarantined")
    assert a_message(over).severity is Severity.INFO


def test_what_is_told_again_says_so() -> None:
    assert replace(a_message(), repeated=True).title == "autoscaler: still: shop_web quarantined"


def test_what_concerns_all_services_says_so() -> None:
    told = a_happening("5 of 6 are sick", kind=HappeningKind.HEALING_STOPPED, service="")
    assert a_message(told).text == "[critical] all services healing stopped: 5 of 6 are sick"


def test_a_text_is_bounded() -> None:
    many = [a_happening("x" * 10_000) for _ in range(100)]
    text = Message(at=AT, happenings=tuple(many), dropped=3).text
    assert len(text) < MOST_SHOWN * (LONGEST + 100) + 200
    assert "... and 80 more" in text
    assert text.endswith("3 earlier events were not sent; `autoscaler history` has all")
