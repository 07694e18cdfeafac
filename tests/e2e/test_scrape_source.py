"""Tasks are found by the real Swarm's own DNS, and told apart by their addresses."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.model import Task
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import run, wait_until
from tests.e2e.networks import overlay

SERVICE = "pages"
# Each task says another number: the last byte of its address.
PAGE = (
    "mkdir -p /www; n=$(hostname -i | sed 's/.*[.]//'); "
    "printf 'queue_length %s\\n' $n > /www/metrics; exec httpd -f -p 8080 -h /www"
)
ASK = """
import asyncio, json, sys
from autoscaler.model import Service, Task, TaskState
from autoscaler.ports import Query
from autoscaler.sources.scrape import Options, ScrapeSource, Settings

async def main():
    told = json.loads(sys.argv[1])
    running = {"service_id": "s", "state": TaskState.RUNNING, "desired": TaskState.RUNNING}
    tasks = tuple(Task(id=key, addresses=tuple(a), **running) for key, a in told.items())
    source = ScrapeSource(Settings())
    service = Service(id="s", name=sys.argv[2], version=1)
    for address in ("dns", "task"):
        place = {"port": 8080, "address": address}
        options = Options.model_validate({"metric": "queue_length", "tasks": place})
        (sample,) = await source.read([Query(options, service)], {"s": tasks})
        values = {key: one.value for key, one in (sample.tasks or {}).items()}
        print(json.dumps([sample.quality, values, sample.detail]))
    await source.close()

asyncio.run(main())
"""


@pytest.fixture
def network(swarm: PrivateSwarm) -> Iterator[str]:
    with overlay(swarm, "--attachable") as name:
        yield name


@pytest.fixture
def service(swarm: PrivateSwarm, busybox_image: str, network: str) -> Iterator[str]:
    """Three tasks with a page each, on a network of their own; its name."""
    options = (f"--network={network}", "--endpoint-mode=dnsrr", "--stop-grace-period=0s")
    swarm.create(SERVICE, busybox_image, "--replicas=3", *options, command=("sh", "-c", PAGE))
    yield SERVICE
    swarm.docker("service", "rm", SERVICE)


def tasks_of(swarm: PrivateSwarm, name: str) -> tuple[Task, ...]:
    async def inspect() -> tuple[Task, ...]:
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))
        try:
            return (await orchestrator.inspect(key))[1]
        finally:
            await orchestrator.close()

    key = swarm.docker("service", "inspect", name, "--format={{.ID}}")
    return asyncio.run(inspect())


def ask_from_within(
    swarm: PrivateSwarm, image: str, network: str, script: Path, *arguments: str
) -> str:
    """Run a program where a container of the network would, with that network's DNS."""
    inside = swarm.docker("run", "--detach", f"--network={network}", image, "sleep", "600")
    try:
        key = swarm.docker("inspect", inside, "--format={{.NetworkSettings.SandboxKey}}")
        resolver = script.with_name("resolv.conf")
        resolver.write_text("nameserver 127.0.0.11\n")
        program = ["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver)]
        within = ["nsenter", f"--net=/proc/{swarm.pid}/root{key}", "unshare", "--mount"]
        return run([*within, *program, sys.executable, str(script), *arguments])
    finally:
        swarm.docker("rm", "--force", inside)


def test_each_task_is_found_and_has_its_own_value(
    swarm: PrivateSwarm, busybox_image: str, network: str, service: str, tmp_path: Path
) -> None:
    swarm.wait_running(service, 3)
    tasks = tasks_of(swarm, service)
    addresses = {task.id: task.addresses for task in tasks if task.wanted}
    assert all(len(found) == 1 for found in addresses.values()), addresses
    script = tmp_path / "ask.py"
    script.write_text(ASK)

    def both_known() -> list[list[object]]:
        """A task runs before it serves its page, and before its name is known."""
        told = json.dumps(addresses)
        said = ask_from_within(swarm, busybox_image, network, script, told, service)
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
        return lines if [line[0] for line in lines] == ["value"] * 2 else []

    expected = {key: float(found[0].rpartition(".")[2]) for key, found in addresses.items()}
    for _, values, detail in wait_until(both_known, timeout=180, what="all pages", every=0.5):
        assert values == expected, detail
