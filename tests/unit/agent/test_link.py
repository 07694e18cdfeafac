"""An agent comes back to its controller, and does not hammer at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autoscaler.agent.channel import Channel, Closed, pipe
from autoscaler.agent.link import Backoff, keep_talking
from autoscaler.errors import Temporary


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 15.0), (5000, 15.0)]
)
def test_each_wait_is_twice_as_long_up_to_a_bound(failures: int, seconds: float) -> None:
    assert Backoff(jitter=lambda: 1.0).after(failures) == seconds
    assert Backoff(jitter=lambda: 0.0).after(failures) == seconds / 2


async def test_it_tries_again_after_any_failure_and_tells_each_reason_once() -> None:
    reasons = [Temporary("away"), Temporary("away"), Closed("refused"), TimeoutError()]
    told: list[str] = []
    talked = asyncio.Event()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Channel]:
        if reasons:
            raise reasons.pop(0)
        yield pipe()[0]

    async def talk(channel: Channel) -> None:
        talked.set()
        await asyncio.Event().wait()

    backoff = Backoff(first=0.001, longest=0.002)
    talking = asyncio.create_task(keep_talking(connect, talk, backoff, told.append))
    async with asyncio.timeout(120):
        await talked.wait()
    talking.cancel()
    assert told == ["away", "refused", "no answer in time"]
