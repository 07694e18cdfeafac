"""The constant source keeps the contract, as far as it can: it always knows its number."""

from collections.abc import AsyncIterator

import pytest

from autoscaler.model import Service
from autoscaler.ports import Query, Source
from autoscaler.sources.constant import ConstantSource
from autoscaler.testing.contracts.source import SourceContract

SHOP = Service(id="a", name="shop_web", version=1)


class TestConstant(SourceContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        source = ConstantSource(ConstantSource.Settings())
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return Query(ConstantSource.Options(value=3), SHOP)

    @pytest.fixture
    def other(self) -> Query:
        return Query(ConstantSource.Options(value=0), SHOP)

    @pytest.fixture
    def empty(self) -> Query:
        """Nothing; what is not known is not zero here either."""
        return Query(ConstantSource.Settings(), SHOP)

    @pytest.fixture
    def broken(self, empty: Query) -> Query:
        return empty

    async def test_no_data_is_not_zero(self, source: Source, empty: Query) -> None:
        pytest.skip("a constant is never without data")

    async def test_a_cancelled_read_leaves_the_source_whole(
        self, source: Source, good: Query
    ) -> None:
        pytest.skip("a read does not wait for anything")
