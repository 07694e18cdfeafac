"""One Swarm, and the product in this process: cycles, and what they cost."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from autoscaler import app
from autoscaler.settings import Settings
from autoscaler.telemetry import Telemetry, configure_logging
from bench.lateness import bare_loop, watched
from bench.measure import memory
from bench.model import EACH
from bench.reactions import spread

Document = dict[str, Any]

WARM_UP = 3
"""Cycles before any is measured: the first stores all services as new."""
POLICY = {
    "name": "fleet",
    "services": ["stack*"],
    "scale": {
        "min": 2,
        "max": 1000,
        "metrics": [
            {
                "query": "sum by (service) (rate(http_requests_total[20s]))",
                "match": "service",
                "target": {"average_value": EACH},
            }
        ],
    },
}


@dataclass
class Cycles:
    """What was seen of each cycle, in seconds."""

    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Recording(Telemetry):
    """Notes how long each cycle took, and the CPU time since the end of the last one."""

    def __init__(self, cycles: Cycles) -> None:
        super().__init__()
        self._cycles = cycles
        self._cpu = time.process_time()

    def passed(self, seconds: float, services: int) -> None:
        """See Telemetry."""
        super().passed(seconds, services)
        before, self._cpu = self._cpu, time.process_time()
        self._cycles.walls.append(seconds)
        self._cycles.cpus.append(self._cpu - before)
        self._cycles.ended.set()


def here(host: str, prometheus: str, cycles: int) -> None:
    """Measure in this process; log lines are written as in service, and thrown away."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stderr, told = nowhere, sys.stderr
        try:
            configure_logging("json")
            report = asyncio.run(measured(host, prometheus, cycles))
        finally:
            sys.stderr = told
    json.dump(report, sys.stdout)


async def measured(host: str, prometheus: str, count: int) -> Document:
    """The figures."""
    imports, cycles, stop = memory(), Cycles(), asyncio.Event()
    with tempfile.TemporaryDirectory() as directory:
        settings = settings_for(Path(directory), host, prometheus)
        async with app.build(settings) as built:
            parts = app.Parts(
                settings,
                built.orchestrator,
                built.sources,
                built.store,
                telemetry=Recording(cycles),
            )
            serving = asyncio.create_task(app.serve(parts, stop))
            await until(cycles, WARM_UP, serving)
            await requests(prometheus)
            async with bare_loop() as bare, watched() as lags:
                await until(cycles, WARM_UP + count, serving)
            asked = await requests(prometheus)
            used = memory()
            stop.set()
            await serving
    return {
        "cycles": count,
        "cycle_s": spread(cycles.walls[WARM_UP : WARM_UP + count]),
        "cpu_s": spread(cycles.cpus[WARM_UP : WARM_UP + count]),
        "lag_ms": spread(lags.all),
        "own_lag_ms": spread(lags.own),
        "bare_lag_ms": bare,
        "bare_s": spread([await bare_read(host) for _ in range(5)]),
        "requests": {kind: round(n / count, 1) for kind, n in Counter(asked).items()},
        "imports_mib": round(imports),
        "memory_mib": round(used),
    }


def settings_for(directory: Path, host: str, prometheus: str) -> Settings:
    """With the shortest interval: one cycle after the other, half a second between them."""
    (directory / "policy.yaml").write_text(json.dumps({"version": 1, "policies": [POLICY]}))
    large = {"urls": [prometheus], "max_series": 100_000, "max_body": 64 * 2**20}
    return Settings.model_validate(
        {
            "interval": "1s",
            "policies": [str(directory / "policy.yaml")],
            "store": str(directory / "store.db"),
            "orchestrator": {"type": "swarm", "host": host},
            "sources": {"prometheus": {**large, "timeout": "30s"}},
            "deadlines": {"read": "60s", "observe": "120s"},
            "agents": {"here": False},
            "listen": "127.0.0.1:0",
        }
    )


async def until(cycles: Cycles, count: int, serving: asyncio.Task[None]) -> None:
    """Wait until so many cycles have ended, or the service has."""
    while len(cycles.walls) < count:
        cycles.ended.clear()
        ended = asyncio.ensure_future(cycles.ended.wait())
        await asyncio.wait([ended, serving], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
            raise RuntimeError("the service ended by itself")


async def requests(model: str) -> Sequence[str]:
    """What was asked of the engine since the last time."""
    async with aiohttp.ClientSession() as session, session.get(f"{model}/requests") as answer:
        found: list[str] = await answer.json()
        return found


async def bare_read(host: str) -> float:
    """All services and all tasks in one body each, and the JSON parsed; seconds."""
    connector = aiohttp.UnixConnector(host.removeprefix("unix://"))
    timeout = aiohttp.ClientTimeout(total=None)
    begun = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        for path in ("services?status=true", "nodes"):
            async with session.get(f"http://engine/v1.41/{path}") as answer:
                json.loads(await answer.read())
    return time.perf_counter() - begun
