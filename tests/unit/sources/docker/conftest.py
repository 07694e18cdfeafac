"""A fake engine, and what the tests ask of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model import Resources, Sample, Service, Task
from autoscaler.ports import Query
from autoscaler.sources.docker import DockerSource, Options, Settings
from autoscaler.testing.builders import a_service
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.docker_statistics import FakeStatistics

LIMITED = a_service(limits=Resources(nano_cpus=500_000_000, memory_bytes=4000))


def query(what: str = "cpu", service: Service = LIMITED, **options: Any) -> Query:
    return Query(Options.model_validate({"query": what, **options}), service)


class Asker:
    """Sources for a fake engine, on a clock of the test's own; closed when the test ends."""

    def __init__(self, engine: FakeStatistics) -> None:
        self.engine = engine
        self.clock = ManualClock()
        self.sources: list[DockerSource] = []

    def source(self, **settings: Any) -> DockerSource:
        given = {"host": self.engine.host, "timeout": "20s", "patience": "10s", **settings}
        self.sources.append(DockerSource(Settings.model_validate(given), self.clock))
        return self.sources[-1]

    async def ask(
        self,
        source: DockerSource | None = None,
        *queries: Query,
        tasks: tuple[Task, ...] | None = None,
    ) -> Sample:
        """The sample of the first query."""
        known = {} if tasks is None else {LIMITED.id: tasks}
        return (await (source or self.source()).read(queries or [query()], known))[0]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeStatistics]:
    async with FakeStatistics(tmp_path / "docker.sock") as engine:
        yield engine


@pytest.fixture
async def asker(engine: FakeStatistics) -> AsyncIterator[Asker]:
    asker = Asker(engine)
    yield asker
    for source in asker.sources:
        await source.close()
