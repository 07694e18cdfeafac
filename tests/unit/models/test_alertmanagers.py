"""What a modelled pair of Alertmanagers sends, when and how often; the clock is virtual."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from autoscaler.testing.alertmanager import Pair, Route
from autoscaler.testing.network import Network
from autoscaler.testing.virtual_time import LoopClock, in_virtual_time

URL = "http://autoscaler/api/v1/alerts"


class Bed:
    """The pair, and who takes what it sends; `statuses` are answered first."""

    def __init__(self, route: Route, seed: int) -> None:
        self.network = Network(lambda: 0.001)
        self.clock = LoopClock()
        self.pair = Pair(route, self.clock, self.network, random.Random(seed))
        self.taken: list[tuple[float, str, str]] = []
        """When, the status of the group, and the sorted statuses of its alerts."""
        self.statuses: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        document: dict[str, Any] = await request.json()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        states = " ".join(sorted(each["status"] for each in document["alerts"]))
        self.taken.append((round(asyncio.get_running_loop().time()), document["status"], states))
        return web.Response()


@asynccontextmanager
async def playing(route: Route | None = None, seed: int = 1) -> AsyncIterator[Bed]:
    bed = Bed(route or Route(URL), seed)
    application = web.Application()
    application.router.add_post("/api/v1/alerts", bed.take)
    runner = web.AppRunner(application)
    await runner.setup()
    bed.network.listen("autoscaler", runner)
    async with bed.pair:
        yield bed
    bed.network.close("autoscaler")
    await runner.cleanup()


@in_virtual_time
async def test_a_pair_tells_once_that_an_alert_fires_and_once_that_it_ended() -> None:
    async with playing() as bed:
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(100)
        bed.pair.end("Slow", service="web")
        await asyncio.sleep(2000)
    assert bed.taken == [(30, "firing", "firing"), (330, "resolved", "resolved")]


@in_virtual_time
async def test_members_that_hear_nothing_of_each_other_both_tell() -> None:
    async with playing() as bed:
        bed.pair.apart = True
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(100)
    assert [at for at, _, _ in bed.taken] == [30, 45]


@in_virtual_time
async def test_the_second_may_tell_of_the_beginning_after_the_first_told_of_the_end() -> None:
    async with playing(Route(URL, group_wait=0.0, group_interval=10.0)) as bed:
        bed.pair.apart = True
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(5)
        bed.pair.end("Slow", service="web")
        await asyncio.sleep(50)
    assert [status for _, status, _ in bed.taken][:3] == ["firing", "resolved", "firing"]


@in_virtual_time
async def test_the_second_tells_while_the_first_is_gone() -> None:
    async with playing() as bed:
        bed.pair.stop(0)
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(100)
        bed.pair.start(0)
        await asyncio.sleep(300)
    assert [at for at, _, _ in bed.taken] == [45]


@in_virtual_time
async def test_what_ends_within_the_wait_is_never_told() -> None:
    async with playing() as bed:
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(10)
        bed.pair.end("Slow", service="web")
        await asyncio.sleep(2000)
    assert bed.taken == []


@in_virtual_time
async def test_a_server_error_is_tried_again() -> None:
    async with playing() as bed:
        bed.statuses = [503, 500]
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(44)
        ((at, _, _),) = bed.taken
        assert 30 <= at <= 34


@in_virtual_time
async def test_what_is_refused_is_sent_at_the_next_look_only() -> None:
    async with playing() as bed:
        bed.statuses = [400, 400]
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(600)
    assert [at for at, _, _ in bed.taken] == [330]


@in_virtual_time
async def test_what_fires_on_is_told_again_after_the_repeat_interval() -> None:
    async with playing(Route(URL, repeat_interval=500.0)) as bed:
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(2000)
    assert [at for at, _, _ in bed.taken] == [30, 630, 1230, 1830]


@in_virtual_time
async def test_without_prometheus_an_alert_ends_by_itself_and_with_it_goes_on() -> None:
    async with playing() as bed:
        bed.pair.fire("Slow", service="web")
        await asyncio.sleep(100)
        bed.pair.silent = True
        await asyncio.sleep(600)
        bed.pair.silent = False
        await asyncio.sleep(600)
    assert [status for _, status, _ in bed.taken] == ["firing", "resolved", "firing"]


@in_virtual_time
async def test_alerts_of_one_group_are_told_together() -> None:
    async with playing(Route(URL, group_by=("service",))) as bed:
        bed.pair.fire("Slow", service="web")
        bed.pair.fire("Full", service="web")
        await asyncio.sleep(60)
        bed.pair.end("Full", service="web")
        await asyncio.sleep(600)
    assert bed.taken == [(30, "firing", "firing firing"), (330, "firing", "firing resolved")]


@in_virtual_time
async def test_the_same_seed_sends_the_same_at_the_same_moments() -> None:
    told = []
    for _ in range(2):
        async with playing(seed=5) as bed:
            began = asyncio.get_running_loop().time()
            bed.statuses = [500] * 6
            bed.pair.fire("Slow", service="web")
            await asyncio.sleep(100)
            told.append([at - round(began) for at, _, _ in bed.taken])
    assert told[0] == told[1] != []
