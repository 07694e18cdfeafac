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

NETWORK = "scraped"
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
def service(swarm: PrivateSwarm, busybox_image: str) -> Iterator[str]:
    """Three tasks with a page each, on a network of their own; its name."""
    swarm.docker("network", "create", "--driver=overlay", "--attachable", NETWORK)
    swarm.docker(
        "service", "create", "--quiet", "--no-resolve-image", f"--name={SERVICE}",
        f"--network={NETWORK}", "--endpoint-mode=dnsrr", "--replicas=3",
        "--stop-grace-period=0s", busybox_image, "sh", "-c", PAGE,
    )  # fmt: skip
    yield SERVICE
    swarm.docker("service", "rm", SERVICE)
    wait_until(lambda: _removed(swarm), timeout=180, what="the network is free")


def _removed(swarm: PrivateSwarm) -> bool:
    try:
        swarm.docker("network", "rm", NETWORK)
    except RuntimeError:
        return False
    return True


def tasks_of(swarm: PrivateSwarm, name: str) -> tuple[Task, ...]:
    async def inspect() -> tuple[Task, ...]:
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))
        try:
            return (await orchestrator.inspect(key))[1]
        finally:
            await orchestrator.close()

    key = swarm.docker("service", "inspect", name, "--format={{.ID}}")
    return asyncio.run(inspect())


def ask_from_within(swarm: PrivateSwarm, image: str, script: Path, *arguments: str) -> str:
    """Run a program where a container of the network would, with that network's DNS."""
    swarm.docker("run", "--detach", "--name=inside", f"--network={NETWORK}", image, "sleep", "600")
    try:
        key = swarm.docker("inspect", "inside", "--format={{.NetworkSettings.SandboxKey}}")
        resolver = script.with_name("resolv.conf")
        resolver.write_text("nameserver 127.0.0.11\n")
        program = ["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver)]
        within = ["nsenter", f"--net=/proc/{swarm.pid}/root{key}", "unshare", "--mount"]
        return run([*within, *program, sys.executable, str(script), *arguments])
    finally:
        swarm.docker("rm", "--force", "inside")


def test_each_task_is_found_and_has_its_own_value(
    swarm: PrivateSwarm, busybox_image: str, service: str, tmp_path: Path
) -> None:
    wait_until(lambda: len(swarm.running(service)) == 3, timeout=180, what="three tasks")
    tasks = tasks_of(swarm, service)
    addresses = {task.id: task.addresses for task in tasks if task.wanted}
    assert all(len(found) == 1 for found in addresses.values()), addresses
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    said = ask_from_within(swarm, busybox_image, script, json.dumps(addresses), service)
    expected = {key: float(found[0].rpartition(".")[2]) for key, found in addresses.items()}
    for line in said.splitlines():
        if line.startswith("["):
            quality, values, detail = json.loads(line)
            assert (quality, values) == ("value", expected), detail
    assert said.count('["value"') == 2
