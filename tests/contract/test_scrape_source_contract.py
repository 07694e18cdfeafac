"""The source of Prometheus text pages keeps the contract."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from autoscaler.model import Service
from autoscaler.ports import Query, Source
from autoscaler.sources.scrape import Options, ScrapeSource, Settings
from autoscaler.testing.contracts.source import SourceContract
from autoscaler.testing.metrics_page import PAGE_FAULTS, MetricsPage

SHOP = Service(id="a", name="shop_web", version=1)


class TestScrape(SourceContract):
    deadline = 2.0

    @pytest.fixture
    async def page(self) -> AsyncIterator[MetricsPage]:
        async with MetricsPage() as page:
            page.lines = {"queue_length": 3, 'requests_total{code="200"}': 10}
            yield page

    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        given = {"timeout": "2s", "page_timeout": "1s"}
        source = ScrapeSource(Settings.model_validate(given))
        yield source
        await source.close()

    @pytest.fixture
    def good(self, page: MetricsPage) -> Query:
        return query(page.url, metric="queue_length")

    @pytest.fixture
    def other(self, page: MetricsPage) -> Query:
        return query(page.url, metric="requests_total", labels={"code": "200"})

    @pytest.fixture
    def empty(self, page: MetricsPage) -> Query:
        return query(page.url, metric="nothing")

    @pytest.fixture
    def broken(self, page: MetricsPage) -> Query:
        return query("http://127.0.0.1:1/metrics", metric="queue_length")

    @pytest.fixture
    def hanging(self, page: MetricsPage) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def hang() -> AsyncIterator[None]:
            page.fault = PAGE_FAULTS["hang"]
            yield
            page.fault = None

        return hang()


def query(url: str, **options: object) -> Query:
    return Query(Options.model_validate({"urls": [url], **options}), SHOP)
