"""The source that looks whether pages are good keeps the contract."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from autoscaler.errors import Temporary
from autoscaler.model import Service
from autoscaler.names import Names
from autoscaler.ports import Query, Source
from autoscaler.sources.http import HttpSource
from autoscaler.testing.contracts.source import SourceContract
from autoscaler.testing.metrics_page import MetricsPage

SHOP = Service(id="a", name="shop_web", version=1)


class SlowNames(Names):
    """Knows this machine; and nobody, while it hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False

    async def addresses(self, name: str) -> Sequence[str]:
        if self.hangs:
            await asyncio.sleep(60)
        if name != "here":
            raise Temporary(f"{name} has no address")
        return ["127.0.0.1"]


class TestHttp(SourceContract):
    deadline = 2.0

    @pytest.fixture
    async def page(self) -> AsyncIterator[MetricsPage]:
        async with MetricsPage() as page:
            yield page

    @pytest.fixture
    def names(self) -> SlowNames:
        return SlowNames()

    @pytest.fixture
    async def source(self, names: SlowNames) -> AsyncIterator[Source]:
        settings = HttpSource.Settings.model_validate({"timeout": "2s"})
        source = HttpSource(settings, names=names)
        yield source
        await source.close()

    @pytest.fixture
    def good(self, page: MetricsPage) -> Query:
        return query(f"http://here:{page.port}/")

    @pytest.fixture
    def other(self, page: MetricsPage) -> Query:
        return query(f"http://here:{page.port}/", status=[404])

    @pytest.fixture
    def empty(self) -> Query:
        return query("http://$task/")

    @pytest.fixture
    def broken(self) -> Query:
        return query("http://nowhere/")

    @pytest.fixture
    def hanging(self, names: SlowNames) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def hang() -> AsyncIterator[None]:
            names.hangs = True
            yield
            names.hangs = False

        return hang()


def query(url: str, **options: object) -> Query:
    return Query(HttpSource.Options.model_validate({"url": url, **options}), SHOP)
