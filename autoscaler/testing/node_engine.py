"""One node's engine, as an agent sees it: task containers, their events, and a stop.

async with FakeNodeEngine(tmp_path / "docker.sock") as engine:
    engine.start_task("c1", task="t1", service="web-id")
    engine.end("c1", exit_code=1)
    engine.cut_events()
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from autoscaler.testing.builders import NOW

MOST_EVENTS = 256
"""What a real engine remembers, of all kinds of events."""


@dataclass
class _Container:
    task: str
    service: str
    running: bool = True
    health: str = ""
    restarts: int = 0

    def labels(self, node: str) -> dict[str, str]:
        return {
            "com.docker.swarm.service.id": self.service,
            "com.docker.swarm.service.name": self.service.removesuffix("-id"),
            "com.docker.swarm.task.id": self.task,
            "com.docker.swarm.task.name": f"{self.service.removesuffix('-id')}.1.{self.task}",
            "com.docker.swarm.node.id": node,
        }


@dataclass
class FakeNodeEngine:
    """Serves what an agent asks; the test says what happens."""

    path: Path
    node: str = "node-1"
    stopped: list[str] = field(default_factory=list)
    """Containers that were asked to stop, in order."""
    stop_takes: float = 0.0
    """Seconds that a stop takes."""
    stop_status: int = 204
    twice: bool = False
    """Every event comes two times."""
    frames: dict[str, list[bytes]] = field(default_factory=dict)
    """What containers say of their statistics, as lines."""
    lists: int = 0
    """How often containers were listed."""
    _containers: dict[str, _Container] = field(default_factory=dict)
    _events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_EVENTS))
    _readers: list[asyncio.Queue[bytes | None]] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        """The engine's clock goes on by a millisecond with each event."""
        self._clock = itertools.count(int(NOW * 1e9), 1_000_000)

    @property
    def host(self) -> str:
        """Its address."""
        return f"unix://{self.path}"

    @property
    def streams(self) -> int:
        """Event streams that are open."""
        return len(self._readers)

    def start_task(self, container: str, task: str, service: str = "web-id") -> None:
        """A task's container starts."""
        self._containers[container] = _Container(task, service)
        self.happen(container, "start")

    def end(self, container: str, exit_code: int = 1) -> None:
        """A container ends and is removed."""
        self.happen(container, "die", exitCode=str(exit_code))
        self._containers.pop(container, None)

    def set_health(self, container: str, health: str) -> None:
        """Its health check says so."""
        self._containers[container].health = health
        self.happen(container, f"health_status: {health}")

    def happen(self, container: str, action: str, **attributes: str) -> None:
        """Any event of a container."""
        labels = self._containers[container].labels(self.node)
        event = {
            "Type": "container",
            "Action": action,
            "Actor": {"ID": container, "Attributes": {**labels, **attributes}},
            "timeNano": next(self._clock),
        }
        self._events.append(event)
        for reader in self._readers:
            for _ in range(2 if self.twice else 1):
                reader.put_nowait(_line(event))

    def cut_events(self) -> None:
        """All event streams end."""
        for reader in self._readers:
            reader.put_nowait(None)

    async def start(self) -> None:
        """Listen."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/_ping", self._ping),
                web.get("/v1.45/info", self._info),
                web.get("/v1.45/containers/json", self._list),
                web.get("/v1.45/containers/{id}/json", self._inspect),
                web.post("/v1.45/containers/{id}/stop", self._stop),
                web.get("/v1.45/containers/{id}/stats", self._stats),
                web.get("/v1.45/events", self._stream),
            ]
        )
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.0)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.path).start()

    async def stop(self) -> None:
        """Refuse connections, and break off those that there are; idempotent."""
        self.cut_events()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response(text="OK", headers={"Api-Version": "1.45"})

    async def _info(self, _request: web.Request) -> web.Response:
        swarm = {"NodeID": self.node}
        return web.json_response(
            {"NCPU": 4, "MemTotal": 2**33, "Name": f"host-{self.node}", "Swarm": swarm}
        )

    async def _list(self, _request: web.Request) -> web.Response:
        self.lists += 1
        return web.json_response(
            [
                {
                    "Id": key,
                    "Labels": one.labels(self.node),
                    "Status": f"Up 5 minutes{f' ({one.health})' if one.health else ''}",
                }
                for key, one in self._containers.items()
                if one.running
            ]
        )

    async def _inspect(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        if key not in self._containers:
            return web.json_response({"message": f"No such container: {key}"}, status=404)
        one = self._containers[key]
        config, state = {"Labels": one.labels(self.node)}, {"Running": one.running}
        return web.json_response({"Id": key, "Config": config, "State": state})

    async def _stop(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        self.stopped.append(key)
        await asyncio.sleep(self.stop_takes)
        if self.stop_status == 204:
            self.end(key, exit_code=143)
        return web.Response(status=self.stop_status)

    async def _stats(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for frame in self.frames.get(request.match_info["id"], ()):
            await response.write(frame + b"\n")
        await asyncio.Event().wait()
        return response

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """As an engine does: what it remembers since a time, then what happens."""
        since = float(request.query.get("since", "inf"))
        response = web.StreamResponse()
        await response.prepare(request)
        reader: asyncio.Queue[bytes | None] = asyncio.Queue()
        for event in self._events:
            if event["timeNano"] / 1e9 >= since:
                reader.put_nowait(_line(event))
        self._readers.append(reader)
        try:
            while (line := await reader.get()) is not None:
                await response.write(line)
        finally:
            self._readers.remove(reader)
        return response


def _line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"
