"""The cron source keeps the contract, as far as it can: it always knows what time it is."""

from collections.abc import AsyncIterator

import pytest

from autoscaler.model import Service
from autoscaler.ports import Query, Source
from autoscaler.sources.cron import CronSource
from autoscaler.testing.contracts.source import SourceContract

SHOP = Service(id="a", name="shop_web", version=1)


def query(inside: float) -> Query:
    always = {"cron": "* * * * *", "duration": "1h", "inside": inside}
    return Query(CronSource.Options.model_validate(always), SHOP)


class TestCron(SourceContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        source = CronSource(CronSource.Settings())
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return query(3)

    @pytest.fixture
    def other(self) -> Query:
        return query(4)

    @pytest.fixture
    def empty(self) -> Query:
        """Nothing; what is not known is not zero here either."""
        return Query(CronSource.Settings(), SHOP)

    @pytest.fixture
    def broken(self, empty: Query) -> Query:
        return empty

    async def test_no_data_is_not_zero(self, source: Source, empty: Query) -> None:
        pytest.skip("the time is always known")

    async def test_a_cancelled_read_leaves_the_source_whole(
        self, source: Source, good: Query
    ) -> None:
        pytest.skip("a read does not wait for anything")
