"""CPU and memory of real containers, as a real engine measures them."""

import asyncio
import itertools
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import mean

import pytest

from autoscaler.decide import decide
from autoscaler.model import Quality, Resources, Sample, Service, Task
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.ports import Query
from autoscaler.sources.docker import DockerSource, Options, Settings
from autoscaler.testing.builders import a_memory, a_policy, observe
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import wait_until

BUSY = "while :; do :; done"
SLEEP = "sleep 100000"
MEBIBYTE = 2**20
MANY = 20
Measured = Callable[[str, object], None]


_numbers = itertools.count(1)


@pytest.fixture
def create(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Callable[..., str]]:
    """Create services, which are removed afterwards; return their ids."""
    names: list[str] = []

    def create(script: str, *options: str) -> str:
        name = f"measured{next(_numbers)}"
        common = ("--restart-delay=0s", "--stop-grace-period=0s", "--mount=type=tmpfs,target=/shm")
        swarm.create(name, busybox_image, *common, *options, command=("sh", "-c", script))
        names.append(name)
        return swarm.docker("service", "inspect", name, "--format={{.ID}}")

    yield create
    for name in names:
        swarm.docker("service", "rm", name)


class Asked:
    """The source and the orchestrator, on one engine."""

    def __init__(self, swarm: PrivateSwarm, **settings: str) -> None:
        self.source = DockerSource(Settings.model_validate({"host": swarm.host, **settings}))
        self.orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))

    async def ask(self, key: str, what: str, window: str = "3s") -> tuple[Sample, Service]:
        service, tasks = await self.orchestrator.inspect(key)
        query = Query(Options.model_validate({"query": what, "window": window}), service)
        return (await self.source.read([query], {key: tasks}))[0], service

    async def until(
        self, wanted: Callable[[Sample], bool], key: str, what: str
    ) -> tuple[Sample, Service]:
        async with asyncio.timeout(180):
            while True:
                sample, service = await self.ask(key, what)
                if wanted(sample):
                    return sample, service
                await asyncio.sleep(0.2)

    async def tasks(self, key: str) -> tuple[Task, ...]:
        return (await self.orchestrator.inspect(key))[1]


@pytest.fixture
async def asked(swarm: PrivateSwarm) -> AsyncIterator[Asked]:
    asked = Asked(swarm, list_every="500ms")
    yield asked
    await asked.source.close()
    await asked.orchestrator.close()


def use(sample: Sample) -> list[float]:
    """What each task with a value uses, as a share of its base."""
    values = (sample.tasks or {}).values()
    return [one.value / one.of for one in values if one.value is not None and one.of]


def in_full(sample: Sample) -> bool:
    """Whether each task has values of a whole window."""
    tasks = (sample.tasks or {}).values()
    return bool(tasks) and all(one.value is not None and one.window >= 2 for one in tasks)


def busy(tasks: int) -> Callable[[Sample], bool]:
    """Whether so many use their limit, or what of it a loaded machine grants them.

    Of a whole CPU it would be a fifth of that, or less.
    """
    return lambda one: in_full(one) and len(use(one)) == tasks and 0.4 < mean(use(one)) < 1.2


async def test_a_busy_loop_uses_its_whole_limit(
    create: Callable[..., str], asked: Asked, record_property: Measured
) -> None:
    key = create(BUSY, "--limit-cpu=0.2", "--limit-memory=64m")
    sample, service = await asked.until(busy(1), key, "cpu")
    record_property("share of the limit", f"{use(sample)[0]:.0%}")
    assert service.limits == Resources(nano_cpus=200_000_000, memory_bytes=64 * MEBIBYTE)
    assert sample.at is not None
    assert abs(sample.at - time.time()) < 600


async def test_a_busy_service_is_scaled_by_its_own_cpu(
    create: Callable[..., str], asked: Asked
) -> None:
    key = create(BUSY, "--limit-cpu=0.1", "--replicas=2")
    sample, service = await asked.until(busy(2), key, "cpu")
    cpu = {"name": "cpu", "source": "docker", "query": "cpu", "target": {"utilization": 30}}
    policy = a_policy(metrics=[cpu], policy={"services": [service.name]})
    seen = observe(service, {"cpu": sample}, now=time.time(), tasks=await asked.tasks(key))
    _, decision = decide(policy, seen, a_memory(replicas=2))
    assert decision.action is not None, decision
    # Whole percents are compared, the result is rounded up, and four are added at most.
    wanted = min(2 * mean(use(sample)) / 0.3 + 0.5, 2 + 4)
    assert decision.action.replicas == pytest.approx(wanted, abs=0.7)


async def test_an_idle_service_uses_next_to_nothing(
    create: Callable[..., str], asked: Asked
) -> None:
    key = create(SLEEP, "--limit-cpu=0.2")
    # Its first window holds the start of the container as well.
    await asked.until(lambda one: in_full(one) and use(one)[0] < 0.05, key, "cpu")


async def test_memory_that_is_held_counts_and_files_that_were_written_do_not(
    create: Callable[..., str], asked: Asked
) -> None:
    held = create(f"dd if=/dev/zero of=/shm/a bs=1M count=20; {SLEEP}", "--limit-memory=100m")
    cached = create(f"dd if=/dev/zero of=/tmp/a bs=1M count=40; {SLEEP}", "--limit-memory=100m")
    sample, _ = await asked.until(
        lambda one: any(share > 0.2 for share in use(one)), held, "memory"
    )
    assert use(sample)[0] < 0.3
    sample, _ = await asked.until(in_full, cached, "memory")
    assert use(sample)[0] < 0.15


async def test_the_task_that_takes_a_killed_ones_place_is_measured(
    swarm: PrivateSwarm, create: Callable[..., str], asked: Asked
) -> None:
    key = create(BUSY, "--limit-cpu=0.2")
    sample, _ = await asked.until(in_full, key, "cpu")
    (killed,) = sample.tasks or {}
    container = next(one.container_id for one in await asked.tasks(key) if one.id == killed)
    await asyncio.to_thread(swarm.docker, "kill", container)
    await asked.until(lambda one: busy(1)(one) and killed not in (one.tasks or {}), key, "cpu")


async def test_a_container_restarted_by_hand_is_measured_from_its_start(
    swarm: PrivateSwarm, create: Callable[..., str], asked: Asked
) -> None:
    key = create(BUSY, "--limit-cpu=0.2")
    await asked.until(in_full, key, "cpu")
    started = await asyncio.to_thread(
        swarm.docker,
        "ps",
        "--quiet",
        "--no-trunc",
        "--filter=label=com.docker.swarm.service.id=" + key,
    )
    await asyncio.to_thread(swarm.docker, "restart", "--time=0", started)
    for _ in range(10):
        sample, _ = await asked.ask(key, "cpu")
        assert all(-0.01 <= share < 1.5 for share in use(sample)), sample
        await asyncio.sleep(0.3)


async def test_a_daemon_that_restarts_is_an_error_and_then_measured_again(
    swarm: PrivateSwarm, create: Callable[..., str], asked: Asked
) -> None:
    key = create(BUSY, "--limit-cpu=0.2")
    _, service = await asked.until(in_full, key, "cpu")
    await asyncio.to_thread(swarm.halt)
    query = Query(Options(query="cpu"), service)
    await read_until(lambda one: one.quality is Quality.ERROR, asked.source, query)
    await asyncio.to_thread(swarm.revive)
    await read_until(in_full, asked.source, query)


async def read_until(wanted: Callable[[Sample], bool], source: DockerSource, query: Query) -> None:
    """Without the engine being asked for the service, as `until` does."""
    async with asyncio.timeout(180):
        while True:
            (sample,) = await source.read([query], {})
            if wanted(sample):
                return
            await asyncio.sleep(0.2)


async def test_many_containers_cost_little_and_their_streams_close(
    swarm: PrivateSwarm, create: Callable[..., str], record_property: Measured
) -> None:
    key = create(SLEEP, f"--replicas={MANY}")
    asked = Asked(swarm, idle="2s", list_every="5s")
    await asked.until(lambda one: in_full(one) and len(one.tasks or {}) == MANY, key, "cpu")
    before, engine_before, seconds = own_cpu(), cpu_of(swarm.pid), 10
    open_before = sockets_of(swarm.pid)
    for _ in range(seconds):
        sample, _ = await asked.ask(key, "cpu")
        await asyncio.sleep(1)
    spent, engine_spent = own_cpu() - before, cpu_of(swarm.pid) - engine_before
    record_property("our CPU per stream", f"{spent / seconds / MANY * 1000:.2f} ms/s")
    record_property("the engine's", f"{engine_spent / seconds / MANY * 1000:.2f} ms/s")
    assert len(use(sample)) == MANY
    await asyncio.to_thread(
        wait_until,
        lambda: open_before - sockets_of(swarm.pid) >= MANY,
        timeout=180,
        what="connections closed once idle",
    )
    await asked.source.close()
    await asked.orchestrator.close()


def own_cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def sockets_of(pid: int) -> int:
    return sum(_is_socket(one) for one in Path(f"/proc/{pid}/fd").iterdir())


def _is_socket(file: Path) -> bool:
    """No, if it has been closed since it was listed."""
    try:
        return "socket:" in str(file.readlink())
    except FileNotFoundError:
        return False
