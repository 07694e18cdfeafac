"""The Docker source keeps the contract, against a fake engine and a real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from autoscaler.model import Resources, Service
from autoscaler.ports import Query, Source
from autoscaler.sources.docker import DockerSource, Options, Settings
from autoscaler.testing.contracts.source import SourceContract
from autoscaler.testing.docker_statistics import FakeStatistics, steady
from autoscaler.testing.real.dockerd import PrivateSwarm

LIMITED = Resources(nano_cpus=500_000_000, memory_bytes=2**26)
SHOP = Service(id="a", name="shop_web", version=1, limits=LIMITED)
IDLE = Service(id="b", name="shop_idle", version=1)


def query(what: str, service: Service = SHOP) -> Query:
    return Query(Options.model_validate({"query": what}), service)


class TestAgainstAFakeEngine(SourceContract):
    deadline = 2.0

    @pytest.fixture
    async def engine(self, tmp_path: Path) -> AsyncIterator[FakeStatistics]:
        async with FakeStatistics(tmp_path / "docker.sock") as engine:
            engine.run("c1", SHOP.id, "task-1", steady())
            engine.run("c2", SHOP.id, "task-2", steady(memory=5000))
            yield engine

    @pytest.fixture
    async def source(self, engine: FakeStatistics) -> AsyncIterator[Source]:
        source = DockerSource(Settings.model_validate({"host": engine.host, "timeout": "2s"}))
        yield source
        await source.close()

    @pytest.fixture
    def good(self) -> Query:
        return query("cpu")

    @pytest.fixture
    def other(self) -> Query:
        return query("memory")

    @pytest.fixture
    def empty(self) -> Query:
        return query("cpu", IDLE)

    @pytest.fixture
    def broken(self) -> Query:
        return query("memory", IDLE)

    @pytest.fixture
    def hanging(self, engine: FakeStatistics) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def hang() -> AsyncIterator[None]:
            engine.hang = True
            yield
            engine.hang = False

        return hang()


@pytest.fixture(scope="module")
def service(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Service]:
    """A service of one task that does little."""
    swarm.docker(
        "service", "create", "--quiet", "--no-resolve-image", "--name=measured",
        "--limit-cpu=0.5", "--limit-memory=64m", busybox_image, "sleep", "100000",
    )  # fmt: skip
    key = swarm.docker("service", "inspect", "measured", "--format={{.ID}}")
    yield Service(id=key, name="measured", version=1, limits=LIMITED)
    swarm.docker("service", "rm", "measured")


class TestAgainstARealEngine(SourceContract):
    @pytest.fixture
    async def source(self, swarm: PrivateSwarm) -> AsyncIterator[Source]:
        source = DockerSource(Settings(host=swarm.host))
        yield source
        await source.close()

    @pytest.fixture
    def good(self, service: Service) -> Query:
        return query("cpu", service)

    @pytest.fixture
    def other(self, service: Service) -> Query:
        return query("memory", service)

    @pytest.fixture
    def empty(self) -> Query:
        return query("cpu", IDLE)

    @pytest.fixture
    def broken(self) -> Query:
        return query("memory", IDLE)

    @pytest.fixture
    def hanging(self, swarm: PrivateSwarm) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def freeze() -> AsyncIterator[None]:
            await asyncio.to_thread(swarm.freeze)
            yield
            await asyncio.to_thread(swarm.thaw)

        return freeze()
