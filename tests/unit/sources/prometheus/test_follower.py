"""A source says when Prometheus should have something new, and no more often than is borne."""

import asyncio
from collections.abc import Collection

from autoscaler.errors import AutoscalerError, Temporary
from autoscaler.sources.prometheus.answer import Answer, Series
from autoscaler.sources.prometheus.follower import AGAIN_AFTER, GAP, MOST_KEPT, REST, Follower
from autoscaler.sources.prometheus.rhythm import LAGS
from autoscaler.testing.virtual_time import in_virtual_time

AHEAD = 1000.0
"""The server's clock is so far ahead of ours."""


class Scraped:
    """A server that scrapes one target, and somebody who asks again whenever it is told."""

    def __init__(self, every: float, phase: float, took: float = 0.0) -> None:
        self.every, self.phase, self.took = every, phase, took
        self.down = False
        self.young = False
        self.forgetful = False
        self.asked_past = 0
        self.told: list[float] = []
        self.follower = Follower(self.past)

    def answer(self, at: float) -> Answer | AutoscalerError:
        if self.down:
            return Temporary("down")
        measured = self.phase + (at - self.phase) // self.every * self.every
        return Answer((Series({"service": "web"}, 1.0, at, measured),), aged=True)

    async def past(self, text: str, at: float) -> Answer | AutoscalerError:
        self.asked_past += 1
        if self.forgetful:
            return Temporary("the past is too far away")
        return Answer((), aged=True) if self.young else self.answer(at)

    def read(self) -> None:
        now = asyncio.get_running_loop().time()
        self.follower.heard(
            {"load": {"web-id"}}, {"load": self.answer(now + AHEAD)}, now - self.took
        )

    def tell(self, services: Collection[str]) -> None:
        assert services == {"web-id"}
        self.told.append(asyncio.get_running_loop().time())
        self.read()


@in_virtual_time
async def test_it_is_told_shortly_after_each_scrape() -> None:
    server = Scraped(every=5.0, phase=AHEAD + 2.0)
    server.follower.tell = server.tell
    server.read()
    await asyncio.sleep(20)
    assert [round(at, 3) for at in server.told] == [2.0 + 5 * n + LAGS[0] for n in range(4)]
    assert server.asked_past == 1
    await server.follower.close()


@in_virtual_time
async def test_how_often_samples_come_is_asked_again_while_there_is_one_only() -> None:
    server = Scraped(every=5.0, phase=AHEAD)
    server.young = True
    server.follower.tell = server.tell
    server.read()
    await asyncio.sleep(11)
    server.young = False
    assert (server.told, server.asked_past) == ([], 1)
    server.read()
    await asyncio.sleep(5)
    assert [round(at, 3) for at in server.told] == [15 + LAGS[0]]
    await server.follower.close()


@in_virtual_time
async def test_nothing_is_asked_for_nobody() -> None:
    server = Scraped(every=5.0, phase=AHEAD)
    server.read()
    await asyncio.sleep(20)
    assert (server.told, server.asked_past) == ([], 0)


@in_virtual_time
async def test_a_server_that_is_slow_is_asked_seldom() -> None:
    server = Scraped(every=1.0, phase=AHEAD, took=0.5)
    server.follower.tell = server.tell
    server.read()
    await asyncio.sleep(60)
    gaps = [after - before for before, after in zip(server.told, server.told[1:], strict=False)]
    assert min(gaps) >= REST * 0.5 > GAP
    await server.follower.close()


@in_virtual_time
async def test_nothing_is_told_while_the_server_does_not_answer_and_again_when_it_does() -> None:
    server = Scraped(every=5.0, phase=AHEAD)
    server.follower.tell = server.tell
    server.read()
    await asyncio.sleep(6)
    server.down = True
    await asyncio.sleep(60)
    told = len(server.told)
    assert told == 2
    server.down = False
    server.read()
    await asyncio.sleep(6)
    assert len(server.told) == told + 1
    await server.follower.close()
    await asyncio.sleep(60)
    assert len(server.told) == told + 1


@in_virtual_time
async def test_a_past_that_is_not_told_is_asked_for_no_more_often_than_one_that_is_too_short() -> (
    None
):
    server = Scraped(every=5.0, phase=AHEAD)
    server.forgetful = True
    server.follower.tell = server.tell
    for _ in range(20):
        server.read()
        await asyncio.sleep(1)
    assert server.asked_past == 20 / AGAIN_AFTER
    await server.follower.close()


@in_virtual_time
async def test_what_nobody_asks_any_more_is_not_asked_about_either() -> None:
    server = Scraped(every=5.0, phase=AHEAD)
    server.young = True
    server.follower.tell = server.tell
    server.read()
    await asyncio.sleep(60)
    for _ in range(20):
        server.follower.heard({"another": ()}, {"another": Temporary("down")}, 0.0)
        await asyncio.sleep(30)
    assert server.asked_past == 1
    await server.follower.close()


@in_virtual_time
async def test_more_queries_than_are_kept_are_not_asked_about_again_and_again() -> None:
    server = Scraped(every=60.0, phase=AHEAD)
    server.follower.tell = lambda _: None
    texts = [f"load {number}" for number in range(MOST_KEPT + 10)]
    for _ in range(5):
        answer = server.answer(asyncio.get_running_loop().time() + AHEAD)
        server.follower.heard(dict.fromkeys(texts, ()), dict.fromkeys(texts, answer), 0.0)
        await asyncio.sleep(1)
    assert server.asked_past == MOST_KEPT
    await server.follower.close()
