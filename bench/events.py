"""`python -m bench.events`: from a container's death on another node to the decision about it.

A real Swarm of three managers; the controller, with its hour between two passes, reads from the
first, the container dies on the third, whose agent is a process of its own. A raw subscriber to
the third engine's events, in the same run, is what it is measured against. Times are from the
engine's own stamp of the event `die`. Needs root and Debian's dockerd: see README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from autoscaler import app
from autoscaler.model import Decision
from autoscaler.settings import Settings
from autoscaler.telemetry import Telemetry, configure_logging
from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.images import BUSYBOX, FOREVER, import_busybox
from autoscaler.testing.real.processes import Child, free_port
from bench.engine import machine
from deploy.demo.process import program

SERVICE = "dying"
TOKEN = "0123456789abcdef-of-the-bench"  # noqa: S105
POLICY = """
version: 1
policies:
  - {name: bench, services: [dying], heal: [{rule: crash_loop, then: notify}]}
"""
QUIET = 2.0
"""Seconds without a decision before the next container is killed."""
WITHIN = 60.0


@dataclass
class Seen:
    """When what happened, in Unix seconds."""

    died: dict[str, float] = field(default_factory=dict)
    """The engine's stamp, by container."""
    raw: dict[str, float] = field(default_factory=dict)
    """When the raw subscriber had read the event."""
    decided: list[float] = field(default_factory=list)


class Recording(Telemetry):
    """Notes when each decision was made."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    def decided(self, decision: Decision, **more: Any) -> None:
        """See Telemetry."""
        self._seen.decided.append(time.time())
        super().decided(decision, **more)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--deaths", type=int, default=40, help="containers that are killed")
    parser.add_argument("--json", action="store_true", help="all figures, for machines")
    asked = parser.parse_args(arguments)
    configure_logging("json", "error")
    with PrivateCluster() as cluster, tempfile.TemporaryDirectory() as directory:
        cluster.each(import_busybox)
        report = measured(cluster, Path(directory), asked.deaths)
    if asked.json:
        json.dump(report, sys.stdout, indent=1)
    else:
        show(report)
    return 0


def measured(cluster: PrivateCluster, directory: Path, deaths: int) -> dict[str, Any]:
    """The figures."""
    first, _, third = cluster.nodes
    options = ["--replicas=1", f"--constraint=node.hostname=={third.hostname}"]
    first.create(SERVICE, BUSYBOX, *options, "--restart-delay=0s", command=FOREVER)
    first.wait_running(SERVICE, 1, timeout=60)
    (directory / "token").write_text(TOKEN)
    (directory / "policy.yaml").write_text(POLICY)
    port = free_port()
    with ExitStack() as stack:
        command = [program(), "agent", f"--controller=http://127.0.0.1:{port}"]
        command += [f"--token-file={directory / 'token'}", f"--listen=127.0.0.1:{free_port()}"]
        environment = {"DOCKER_HOST": third.host}
        agent = Child(command, directory / "agent.log", environment)
        stack.callback(agent.stop)
        seen = asyncio.run(observe(first, third, directory, port, deaths))
    return figures(seen)


async def observe(
    first: ClusterNode, third: ClusterNode, directory: Path, port: int, deaths: int
) -> Seen:
    """Kill one container after the other, and note what follows."""
    seen, stop = Seen(), asyncio.Event()
    settings = Settings(
        interval="1h",  # type: ignore[arg-type]
        policies=(str(directory / "policy.yaml"),),
        store=str(directory / "store.db"),
        orchestrator={"type": "swarm", "host": first.host},
        listen=f"127.0.0.1:{port}",
        agents={"token_file": directory / "token"},  # type: ignore[arg-type]
    )
    async with app.build(settings) as built, engine_of(third) as engine:
        parts = app.Parts(
            settings, built.orchestrator, built.sources, built.store, telemetry=Recording(seen)
        )
        work = [asyncio.ensure_future(app.serve(parts, stop))]
        work.append(asyncio.ensure_future(subscribe(engine, seen)))
        await until(lambda: len(parts.hub.talking()) == 2)
        for _ in range(deaths):
            await one_death(engine, seen)
        stop.set()
        await work[0]
        work[1].cancel()
    return seen


async def one_death(engine: aiohttp.ClientSession, seen: Seen) -> None:
    """Kill the container when nothing else is going on, and wait for what follows."""
    await until(lambda: bool(seen.decided) and time.time() - seen.decided[-1] > QUIET)
    known, decided = len(seen.raw), len(seen.decided)
    filters = json.dumps({"label": [f"com.docker.swarm.service.name={SERVICE}"]})
    async with engine.get("http://docker/containers/json", params={"filters": filters}) as answer:
        (container,) = [each["Id"] for each in await answer.json()]
    async with engine.post(f"http://docker/containers/{container}/kill") as answer:
        answer.raise_for_status()
    await until(lambda: len(seen.raw) > known and len(seen.decided) > decided)


@asynccontextmanager
async def engine_of(node: ClusterNode) -> AsyncIterator[aiohttp.ClientSession]:
    """The engine's API."""
    connector = aiohttp.UnixConnector(node.host.removeprefix("unix://"))
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


async def subscribe(engine: aiohttp.ClientSession, seen: Seen) -> None:
    """What anybody can do who has the node's socket: read the events and nothing else."""
    filters = json.dumps({"type": ["container"], "event": ["die"]})
    async with engine.get("http://docker/events", params={"filters": filters}) as answer:
        async for line in answer.content:
            arrived, event = time.time(), json.loads(line)
            seen.died[event["Actor"]["ID"]] = event["timeNano"] / 1e9
            seen.raw[event["Actor"]["ID"]] = arrived


async def until(condition: Any) -> None:
    """Wait for it."""
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def figures(seen: Seen) -> dict[str, Any]:
    """Milliseconds from the stamp to the raw subscriber, and to the first decision after it."""
    raw = [1e3 * (seen.raw[key] - died) for key, died in seen.died.items()]
    decided = [
        1e3 * (min(at for at in seen.decided if at > died) - died) for died in seen.died.values()
    ]
    ratios = [late / early for late, early in zip(decided, raw, strict=True)]
    return {
        "machine": machine(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "deaths": len(raw),
        "raw_subscriber_ms": spread(raw),
        "decision_ms": spread(decided),
        "ratio": spread(ratios),
        "difference_ms": spread([late - early for late, early in zip(decided, raw, strict=True)]),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, and how far it goes."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 2),
        "least": round(ordered[0], 2),
        "most": round(ordered[-1], 2),
    }


def show(report: dict[str, Any]) -> None:
    """For people."""
    print(f"{report['machine']}, load {report['load'][0]}")
    print(f"{report['deaths']} containers died on another node than the controller's manager")
    for name in ("raw_subscriber_ms", "decision_ms", "difference_ms", "ratio"):
        found = report[name]
        print(f"{name:18} " + "  ".join(f"{key} {value:8.2f}" for key, value in found.items()))


if __name__ == "__main__":
    sys.exit(main())
