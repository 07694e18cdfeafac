"""Pages on the loopback, and what the tests ask of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from autoscaler.model import Sample, Service, Task
from autoscaler.names import Names, Unknown
from autoscaler.ports import Clock, Query
from autoscaler.sources.scrape import Options, ScrapeSource, Settings
from autoscaler.sources.scrape import target as target_module
from autoscaler.testing.builders import a_service
from autoscaler.testing.metrics_page import MetricsPage

WEB = a_service()


class FakeNames(Names):
    """Knows what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Sequence[str] | Exception] = {}

    async def addresses(self, name: str) -> Sequence[str]:
        found = self.known.get(name, Unknown(f"{name} has no address"))
        if isinstance(found, Exception):
            raise found
        return found


class Asker:
    """Sources for pages, closed when the test ends."""

    def __init__(self, page: MetricsPage) -> None:
        self.page = page
        self.names = FakeNames()
        self.sources: list[ScrapeSource] = []

    def query(self, service: Service = WEB, **options: Any) -> Query:
        """About `wanted` on the page, unless the options say otherwise."""
        place = {} if "tasks" in options else {"urls": [self.page.url]}
        return Query(Options.model_validate({"metric": "wanted", **place, **options}), service)

    def source(self, monotonic: Clock | None = None, **settings: Any) -> ScrapeSource:
        given = {"timeout": "4s", "page_timeout": "2s", **settings}
        clocks = {} if monotonic is None else {"monotonic": monotonic, "clock": monotonic}
        made = ScrapeSource(Settings.model_validate(given), names=self.names, **clocks)
        self.sources.append(made)
        return made

    async def ask(
        self,
        source: ScrapeSource | None = None,
        tasks: tuple[Task, ...] | None = None,
        **options: Any,
    ) -> Sample:
        known = {} if tasks is None else {WEB.id: tasks}
        return (await (source or self.source()).read([self.query(**options)], known))[0]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second scrape follows the first at once."""
    monkeypatch.setattr(target_module, "SECOND_AFTER", 0.01)


@pytest.fixture
async def page() -> AsyncIterator[MetricsPage]:
    async with MetricsPage() as page:
        page.lines = {'wanted{b="c"}': 7}
        yield page


@pytest.fixture
async def asker(page: MetricsPage) -> AsyncIterator[Asker]:
    asker = Asker(page)
    yield asker
    for source in asker.sources:
        await source.close()
