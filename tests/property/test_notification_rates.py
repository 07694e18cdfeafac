"""However things happen, no notifier sends more than it may, and nothing is lost unseen."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Message, Span
from autoscaler.notifications import Delivery
from autoscaler.notifications.bucket import Bucket
from autoscaler.ports import Pace
from autoscaler.telemetry import Telemetry
from autoscaler.testing.contracts.notifier import a_happening
from autoscaler.testing.recording_notifier import RecordingNotifier
from autoscaler.testing.virtual_time import LoopClock, VirtualLoop

GAPS = st.lists(st.floats(min_value=0.0, max_value=300.0), min_size=1, max_size=60)


@given(gaps=GAPS, burst=st.integers(1, 20), refill=st.floats(0.1, 600.0))
def test_in_no_span_of_time_more_is_sent_than_the_bucket_holds(
    gaps: list[float], burst: int, refill: float
) -> None:
    bucket, now, sent = Bucket(burst, refill), 0.0, []
    for gap in gaps:
        now += gap
        now += bucket.take(now)
        sent.append(now)
    for first, begin in enumerate(sent):
        for last in range(first, len(sent)):
            allowed = burst + (sent[last] - begin) / refill
            assert last - first + 1 <= allowed + 1e-6


@settings(max_examples=60)
@given(
    batches=st.lists(st.tuples(st.integers(1, 90), st.floats(0.0, 40.0)), min_size=1, max_size=12),
    failures=st.lists(st.sampled_from([Temporary, Permanent]), max_size=8),
)
def test_whatever_fails_each_happening_is_told_or_counted(
    batches: list[tuple[int, float]], failures: list[type[AutoscalerError]]
) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_each_is_told_or_counted(batches, failures))


async def _each_is_told_or_counted(
    batches: list[tuple[int, float]], failures: list[type[AutoscalerError]]
) -> None:
    clock = LoopClock()
    pace = Pace.model_validate({"group_wait": "1s", "burst": 2, "refill": "5s"})
    notifier = RecordingNotifier(pace)
    notifier.failures = [kind("no") for kind in failures]
    delivery = Delivery("ops", notifier, Telemetry(clock), clock, "")
    work = asyncio.create_task(delivery.run())
    for count, pause in batches:
        for _ in range(count):
            delivery.put(a_happening(span=Span.MOMENT))
        await asyncio.sleep(pause)
    await asyncio.sleep(1000)
    notifier.failures = []
    delivery.put(a_happening(span=Span.MOMENT))
    await asyncio.sleep(1000)
    work.cancel()
    told = sum(len(message.happenings) for message in notifier.sent)
    assert told + _told_of(notifier.sent) == sum(count for count, _ in batches) + 1


def _told_of(messages: list[Message]) -> int:
    return sum(message.dropped for message in messages)
