"""Workers of a queue that go to zero and wake, on a real Swarm, by a real Prometheus."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from deploy.demo.jobs import JobQueue, application
from tests.e2e.labelled_services import Bed, labels

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

WORKER = Path(__file__).parents[2] / "deploy" / "demo" / "worker.sh"
INTERVAL = 1.0
LEFT_ALONE = 10.0
"""Seconds that a service is watched which a person has set to zero."""
SCALED = labels(
    min="0",
    max="3",
    query='sum(queue_jobs{queue="orders"})',
    activation="0",
    target="5",
    behavior__scale_down__stabilization="3s",
    behavior__scale_down__policies="[{percent: 100, period: 1s}]",
)

Measured = Callable[[str, object], None]


@dataclass
class Works:
    """A queue, the service of its workers, and the autoscaler that counts the jobs."""

    bed: Bed
    queue: JobQueue
    name: str

    async def has(self, replicas: int) -> None:
        await asyncio.to_thread(self.bed.wait_replicas, self.name, replicas, 180)

    async def is_gone(self) -> None:
        """Wait until the last worker has ended."""
        this = f"--filter=label=com.docker.swarm.service.name={self.name}"
        docker = self.bed.swarm.docker
        await asyncio.to_thread(
            wait_until, lambda: not docker("ps", "--quiet", this), timeout=180, what="no worker"
        )

    async def docker(self, *arguments: str) -> None:
        await asyncio.to_thread(self.bed.swarm.docker, *arguments)

    async def asked(self, *command: str) -> str:
        return await asyncio.to_thread(self.bed.asked, *command)

    async def done(self, jobs: int) -> None:
        queue = self.queue
        await asyncio.to_thread(
            wait_until, lambda: queue.done >= jobs, timeout=180, what=f"{jobs} jobs done"
        )


@pytest.fixture
def door(swarm: PrivateSwarm) -> Iterator[socket.socket]:
    with socket.create_server((swarm.gateway, 0)) as door:
        yield door


@pytest.fixture
def bed(
    swarm: PrivateSwarm, door: socket.socket, prometheus_server: Callable[..., PrivatePrometheus]
) -> Iterator[Bed]:
    prometheus = prometheus_server(scrape({"queue": [address_of(door)]}))
    with closing(Bed(swarm, INTERVAL, prometheus.url)) as bed:
        bed.autoscaler.start()
        yield bed


@pytest.fixture
async def works(
    bed: Bed, door: socket.socket, busybox_image: str, service_name: str
) -> AsyncIterator[Works]:
    queue = JobQueue()
    runner = web.AppRunner(application(queue), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, door).start()
    environment = (f"--env=QUEUE=http://{address_of(door)}", "--env=WORK=1", "--network=host")
    command = ("sh", "-c", WORKER.read_text())
    options = ("--stop-grace-period=3s", *environment, *SCALED)
    await asyncio.to_thread(
        bed.swarm.create, service_name, busybox_image, *options, command=command
    )
    yield Works(bed, queue, service_name)
    await runner.cleanup()


def address_of(door: socket.socket) -> str:
    return "{}:{}".format(*door.getsockname())


async def test_workers_go_to_zero_and_wake_for_the_first_job(
    works: Works, record_property: Measured
) -> None:
    await works.has(0)
    await works.is_gone()
    assert await asyncio.to_thread(works.bed.replicas, works.name) == 0
    started = time.time()
    await works.queue.add(1)
    # It may be gone again before anybody looks how many there are.
    await works.done(1)
    took = time.time() - started
    record_property("done", f"{took:.1f} s after it came, of which it takes one to work on")
    woken = await asyncio.to_thread(works.bed.decided, works.name, started, '"to": 1')
    record_property("decided", f"{woken - started:.1f} s after it came")
    await works.has(0)


async def test_a_full_queue_wakes_as_many_as_it_takes(works: Works) -> None:
    await works.has(0)
    await works.queue.add(40)
    await works.has(3)
    await works.done(40)
    await works.has(0)


async def test_a_person_s_zero_is_left_alone_though_jobs_wait(works: Works) -> None:
    await works.queue.add(300)
    await works.has(3)
    await works.docker("service", "scale", "--detach", f"{works.name}=0")
    deadline = time.monotonic() + LEFT_ALONE
    while time.monotonic() < deadline:
        assert await asyncio.to_thread(works.bed.replicas, works.name) == 0
        await asyncio.sleep(0.5)
    assert works.queue.backlog > 5
    assert "somebody set it to 0 replicas" in await works.asked("explain", works.name)


async def test_zero_survives_a_restart_as_our_own(works: Works) -> None:
    await works.has(0)
    await asyncio.sleep(1)
    autoscaler = works.bed.autoscaler
    assert autoscaler.process is not None
    await asyncio.to_thread(autoscaler.process.stop)
    await asyncio.to_thread(autoscaler.start)
    await works.queue.add(1)
    await works.done(1)
