"""The Prometheus source keeps the contract, against a fake server and a real one."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from autoscaler.model import Service
from autoscaler.ports import Query, Source
from autoscaler.sources.prometheus import Options, PrometheusSource, Settings
from autoscaler.testing.contracts.source import SourceContract
from autoscaler.testing.prometheus import FakePrometheus, Point
from autoscaler.testing.prometheus_faults import FAULTS
from autoscaler.testing.real.processes import wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape

SHOP = Service(id="a", name="shop_web", version=1)


def query(text: str, **options: str) -> Query:
    return Query(Options.model_validate({"query": text, **options}), SHOP)


class TestAgainstAFakeServer(SourceContract):
    deadline = 2.0

    @pytest.fixture
    async def fake(self) -> AsyncIterator[FakePrometheus]:
        async with FakePrometheus() as fake:
            fake.say("good", 1)
            fake.say("sum by (service) (rate(x[1m]))", [Point(2, {"service": "shop_web"})])
            fake.say("pair", [Point(1, {"n": "1"}), Point(2, {"n": "2"})])
            yield fake

    @pytest.fixture
    async def source(self, fake: FakePrometheus) -> AsyncIterator[Source]:
        settings = Settings.model_validate({"urls": [fake.url], "timeout": "2s"})
        source = PrometheusSource(settings)
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return query("good")

    @pytest.fixture
    def other(self) -> Query:
        return query("sum by (service) (rate(x[1m]))", match="service")

    @pytest.fixture
    def empty(self) -> Query:
        return query("nothing")

    @pytest.fixture
    def broken(self) -> Query:
        return query('up{stack="$stack"}')

    @pytest.fixture
    def hanging(self, fake: FakePrometheus) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def hang() -> AsyncIterator[None]:
            fake.fault = FAULTS["hang"]
            yield
            fake.fault = None

        return hang()


@pytest.fixture(scope="module")
def prometheus(require: Callable[[list[str]], None]) -> Iterator[PrivatePrometheus]:
    """A Prometheus that watches itself."""
    require(PrivatePrometheus.missing())
    with PrivatePrometheus({}) as server:
        server.reload(scrape({"self": [server.listen_address]}))
        wait_until(lambda: server.query("up"), timeout=180, what="a first scrape")
        yield server


class TestAgainstARealServer(SourceContract):
    @pytest.fixture
    async def source(self, prometheus: PrivatePrometheus) -> AsyncIterator[Source]:
        source = PrometheusSource(Settings(urls=(prometheus.url,)))
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return query("sum(up)")

    @pytest.fixture
    def other(self) -> Query:
        return query("sum(up) + 1")

    @pytest.fixture
    def empty(self) -> Query:
        return query('up{service="$service"}')

    @pytest.fixture
    def broken(self) -> Query:
        return query("rate(up)")
