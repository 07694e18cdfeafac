"""Messages are gathered, limited and tried again, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Span
from autoscaler.notifications.delivery import MOST_PENDING, PAUSES, Delivery
from autoscaler.ports import Pace
from autoscaler.telemetry import Telemetry
from autoscaler.testing.contracts.notifier import a_happening
from autoscaler.testing.recording_notifier import RecordingNotifier
from autoscaler.testing.virtual_time import LoopClock, in_virtual_time

URL = "https://autoscaler.example"


class Bed:
    """A delivery at work, and the notifier at its end."""

    def __init__(self, takes: float = 0.0, **pace: Any) -> None:
        clock = LoopClock()
        self.telemetry = Telemetry(clock)
        self.notifier = RecordingNotifier(Pace(**pace), takes)
        self.delivery = Delivery("ops", self.notifier, self.telemetry, clock, URL)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        work = asyncio.create_task(self.delivery.run())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            work.cancel()

    def put(self, count: int = 1, **changes: Any) -> None:
        for n in range(count):
            self.delivery.put(a_happening(f"reason {n}", **changes))

    @property
    def sizes(self) -> list[int]:
        return [len(message.happenings) for message in self.notifier.sent]

    def counted(self, name: str) -> str:
        lines = self.telemetry.render().decode().splitlines()
        return next(line.rpartition(" ")[2] for line in lines if line.startswith(name))


@in_virtual_time
async def test_what_happens_within_the_group_wait_is_one_message() -> None:
    bed = Bed(group_wait="10s")
    async with bed.at_work():
        bed.put(3)
        await asyncio.sleep(9)
        bed.put(2)
        assert bed.sizes == []
        await asyncio.sleep(2)
        assert bed.sizes == [5]
        await asyncio.sleep(100)
        assert bed.sizes == [5]


@in_virtual_time
async def test_no_more_messages_are_sent_than_may_be() -> None:
    bed = Bed(group_wait="0s", burst=2, refill="60s")
    async with bed.at_work():
        for _ in range(300):
            bed.put()
            await asyncio.sleep(1)
    # Two at once, then one a minute: with the third at 60 s, 5 come in 300 s and one waits.
    assert len(bed.sizes) <= 2 + 300 // 60
    assert len(bed.sizes) >= 6
    assert sum(bed.sizes) >= 240


@in_virtual_time
async def test_what_waits_is_bounded_and_what_was_dropped_is_told_in_the_next_message() -> None:
    bed = Bed(group_wait="1s")
    async with bed.at_work():
        bed.put(MOST_PENDING + 7)
        await asyncio.sleep(2)
        bed.put()
        await asyncio.sleep(2)
    first, second = bed.notifier.sent
    assert len(first.happenings) == MOST_PENDING
    assert first.happenings[0].text == "reason 7"
    assert first.dropped == 7
    assert "7 earlier events were not sent" in first.text
    assert second.dropped == 0
    assert bed.counted('autoscaler_notification_events_dropped_total{notifier="ops"}') == "7.0"


@in_virtual_time
async def test_a_message_that_fails_for_now_is_sent_later() -> None:
    bed = Bed(group_wait="1s")
    bed.notifier.failures = [Temporary("503")] * len(PAUSES)
    async with bed.at_work():
        bed.put()
        await asyncio.sleep(1 + sum(PAUSES) + 1)
    assert bed.sizes == [1]
    assert bed.counted('autoscaler_notifications_total{notifier="ops",outcome="sent"}') == "1.0"


@in_virtual_time
async def test_attempts_are_bounded_and_the_next_message_tells_what_was_lost() -> None:
    bed = Bed(group_wait="1s")
    bed.notifier.failures = [Temporary("503")] * (len(PAUSES) + 1)
    async with bed.at_work():
        bed.put(3)
        await asyncio.sleep(100)
        assert bed.notifier.attempts == len(PAUSES) + 1
        bed.put()
        await asyncio.sleep(100)
    (message,) = bed.notifier.sent
    assert (len(message.happenings), message.dropped) == (1, 3)
    assert bed.counted('autoscaler_notifications_total{notifier="ops",outcome="failed"}') == "1.0"


@in_virtual_time
async def test_a_refusal_is_not_tried_again() -> None:
    bed = Bed(group_wait="1s")
    bed.notifier.failures = [Permanent("401")]
    async with bed.at_work():
        bed.put()
        await asyncio.sleep(100)
    assert bed.notifier.attempts == 1


@in_virtual_time
async def test_whoever_does_not_answer_is_given_up_after_the_deadline() -> None:
    bed = Bed(takes=3600.0, group_wait="0s", deadline="5s")
    with capture_logs() as lines:
        async with bed.at_work():
            bed.put()
            await asyncio.sleep(4 * 5 + sum(PAUSES) + 1)
    assert bed.notifier.attempts == len(PAUSES) + 1
    (line,) = lines
    assert (line["notifier"], line["error"]) == ("ops", "no answer within 5 s")


@in_virtual_time
async def test_a_failure_is_logged_once_and_so_is_its_end() -> None:
    bed = Bed(group_wait="0s", burst=100)
    bed.notifier.failures = [Permanent("401"), Permanent("401")]
    with capture_logs() as lines:
        async with bed.at_work():
            for _ in range(4):
                bed.put()
                await asyncio.sleep(10)
    assert [line["event"] for line in lines] == ["notification failed", "notifier recovered"]


@in_virtual_time
async def test_a_fault_of_a_notifier_ends_nothing_and_shows_nothing() -> None:
    bed = Bed(group_wait="0s")
    bed.notifier.failures = [ValueError("https://me:secret@host")]
    with capture_logs() as lines:
        async with bed.at_work():
            bed.put()
            await asyncio.sleep(10)
            bed.put()
            await asyncio.sleep(10)
    assert len(bed.sizes) == 1
    assert "secret" not in str(lines)


@in_virtual_time
async def test_what_lasts_is_told_again_until_it_is_over() -> None:
    bed = Bed(group_wait="0s", repeat="60s")
    async with bed.at_work():
        bed.put(service="a")
        bed.put(service="b")
        await asyncio.sleep(130)
        assert [message.repeated for message in bed.notifier.sent] == [False, True, True]
        assert bed.sizes == [2, 2, 2]
        bed.put(service="a", span=Span.OVER)
        await asyncio.sleep(60)
        bed.put(service="b", span=Span.OVER)
        await asyncio.sleep(300)
    assert bed.sizes == [2, 2, 2, 1, 1, 1]


@in_virtual_time
async def test_steady_news_do_not_keep_from_telling_again_what_lasts() -> None:
    bed = Bed(group_wait="0s", repeat="60s", burst=1000)
    async with bed.at_work():
        bed.put(service="a")
        for _ in range(130):
            await asyncio.sleep(1)
            bed.put(service="b", span=Span.MOMENT)
    again = [m for m in bed.notifier.sent[1:] if any(h.service == "a" for h in m.happenings)]
    assert len(again) == 2


@in_virtual_time
async def test_a_moment_is_never_told_again() -> None:
    bed = Bed(group_wait="0s", repeat="60s")
    async with bed.at_work():
        bed.put(span=Span.MOMENT)
        await asyncio.sleep(300)
    assert bed.sizes == [1]


@in_virtual_time
async def test_to_put_never_waits_for_a_notifier_that_is_slow() -> None:
    bed = Bed(takes=30.0, group_wait="0s", deadline="60s")
    async with bed.at_work():
        bed.put()
        await asyncio.sleep(1)
        before = asyncio.get_running_loop().time()
        bed.put(1000)
        assert asyncio.get_running_loop().time() == before


@pytest.mark.parametrize(("decided_at", "shown"), [(1_700_000_000.25, True), (None, False)])
@in_virtual_time
async def test_a_message_links_to_the_decision_if_there_is_one(
    decided_at: float | None, shown: bool
) -> None:
    bed = Bed(group_wait="0s")
    async with bed.at_work():
        bed.put(decided_at=decided_at, service="shop web")
        await asyncio.sleep(1)
    link = f"{URL}/api/v1/services/shop%20web/decisions/1700000000.25"
    assert (link in bed.notifier.sent[0].text) is shown
