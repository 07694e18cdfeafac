"""Services are told of when their pages have come."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from autoscaler.sources.scrape.news import News
from autoscaler.testing.metrics_page import MetricsPage

from .conftest import WEB


async def test_whoever_asked_is_told_when_the_next_page_has_come(
    asker: Any, page: MetricsPage
) -> None:
    source, told = asker.source(), asyncio.Queue[Collection[str]]()
    source.on_news(told.put_nowait)
    queries = [asker.query(replace(WEB, id=key), interval="1s") for key in ("a", "b")]
    await source.read(queries, {})
    async with asyncio.timeout(120):
        first = await told.get()
        assert set(first) == {"a", "b"}
        page.lines = {'wanted{b="c"}': 8}
        await source.read(queries, {})
        await told.get()
    assert [one.value for one in await source.read(queries, {})] == [8, 8]


def test_a_service_is_told_of_once_in_an_interval() -> None:
    now, told = 0.0, list[tuple[float, str]]()
    news = News(lambda: now)
    news.came({"web"}, 5.0)
    news.tell = lambda services: told.extend((now, service) for service in services)
    for tenth in range(100):
        now = tenth / 10
        news.came({"web"}, 5.0)
    assert told == [(0.0, "web"), (4.5, "web"), (9.0, "web")]
