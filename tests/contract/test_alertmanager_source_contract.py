"""The source of alerts keeps the contract; it answers from what it has heard."""

from collections.abc import AsyncIterator

import pytest

from autoscaler.model import Service
from autoscaler.ports import HearsAlerts, HearsUsage, Query, Source
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.contracts.alerts import NOW, firing
from autoscaler.testing.contracts.source import SourceContract

SHOP = Service(id="a", name="shop_web", version=1)


class TestAlertmanager(SourceContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        source = AlertmanagerSource(AlertmanagerSource.Settings(), ManualClock(NOW))
        source.recall_alerts([firing("Before")], away=3600.0)
        source.hear_alerts([firing("Slow")])
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return query("Slow")

    @pytest.fixture
    def other(self) -> Query:
        return query("None")

    @pytest.fixture
    def empty(self) -> Query:
        return query("Before")

    @pytest.fixture
    def broken(self) -> Query:
        return Query(AlertmanagerSource.Settings(), SHOP)

    async def test_a_cancelled_read_leaves_the_source_whole(
        self, source: Source, good: Query
    ) -> None:
        pytest.skip("a read does not wait for anything")

    def test_it_hears_of_alerts_and_of_nothing_else(self, source: Source) -> None:
        assert isinstance(source, HearsAlerts)
        assert not isinstance(source, HearsUsage)


def query(name: str) -> Query:
    options = {"match": {"alertname": name}, "service_label": "service"}
    return Query(AlertmanagerSource.Options.model_validate(options), SHOP)
