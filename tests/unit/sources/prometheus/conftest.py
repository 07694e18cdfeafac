"""A fake Prometheus, and what the tests ask it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from autoscaler.model import STACK_LABEL, Sample, Service, Task
from autoscaler.ports import Query
from autoscaler.sources.prometheus import Options, PrometheusSource, Settings
from autoscaler.testing.prometheus import FakePrometheus


def service(name: str = "shop_web", stack: str | None = "shop") -> Service:
    labels = {STACK_LABEL: stack} if stack else {}
    return Service(id=f"id of {name}", name=name, version=1, labels=labels)


def make_query(text: str, name: str = "shop_web", **options: Any) -> Query:
    return Query(Options.model_validate({"query": text, **options}), service(name))


class Asker:
    """Sources for a fake server, closed when the test ends."""

    def __init__(self, fake: FakePrometheus) -> None:
        self.fake = fake
        self.sources: list[PrometheusSource] = []

    query = staticmethod(make_query)

    def source(self, **settings: Any) -> PrometheusSource:
        given = {"urls": [self.fake.url], "timeout": "3s", **settings}
        self.sources.append(PrometheusSource(Settings.model_validate(given)))
        return self.sources[-1]

    async def ask(self, text: str, **options: Any) -> Sample:
        """One query for one service, from a new source."""
        return (await self.source().read([make_query(text, **options)], {}))[0]

    async def ask_all(
        self, queries: Sequence[Query], tasks: dict[str, tuple[Task, ...]] | None = None
    ) -> Sequence[Sample]:
        return await self.source().read(queries, tasks or {})


@pytest.fixture
async def fake() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        yield fake


@pytest.fixture
async def asker(fake: FakePrometheus) -> AsyncIterator[Asker]:
    asker = Asker(fake)
    yield asker
    for source in asker.sources:
        await source.close()
