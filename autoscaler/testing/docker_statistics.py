"""An engine that tells of containers and their statistics what the test says.

async with FakeStatistics(tmp_path / "docker.sock") as engine:
    engine.run("c1", service="web-id", task="task-1", frames=steady(cores=0.5))
    ...
    engine.send("c1", frame(at=NOW + 1, cpu=8.0))
    engine.hang = True
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from autoscaler.testing.builders import NOW


def frame(at: float = NOW, cpu: float = 0.0, memory: int | None = 0, **stats: int) -> bytes:
    """A frame: CPU in seconds since the start, memory in bytes, `stats` as the kernel's."""
    taken = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return _line(
        {
            "read": taken,
            "cpu_stats": {"cpu_usage": {"total_usage": round(cpu * 1e9)}},
            "memory_stats": {} if memory is None else {"usage": memory, "stats": stats},
        }
    )


NOT_RUNNING = json.dumps(
    {
        "read": "0001-01-01T00:00:00Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 0}},
        "memory_stats": {},
    }
).encode()
"""What the engine says of a container that does not run."""


def steady(
    cores: float = 0.5, memory: int = 1000, seconds: int = 20, until: float = NOW
) -> list[bytes]:
    """Frames of a second each, up to `until`."""
    return [
        frame(until - seconds + second, 100.0 + cores * second, memory)
        for second in range(seconds + 1)
    ]


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@dataclass
class _Container:
    service: str
    task: str
    frames: list[bytes] = field(default_factory=list)


class FakeStatistics:
    """Serves a list of containers, streams of statistics and the size of a node."""

    def __init__(self, path: Path) -> None:
        self.host = f"unix://{path}"
        self.tcp_host = ""
        """The same engine without a socket file, once it listens."""
        self.requests: Counter[str] = Counter()
        """How often `ping`, `list`, `stats` and `info` were asked."""
        self.open: Counter[str] = Counter()
        """Streams that are open, by container."""
        self.hang = False
        """While true, nothing is answered, and streams say nothing."""
        self.status: dict[str, int] = {}
        """Answer a kind of request with this status."""
        self.body: dict[str, bytes] = {}
        """Answer a kind of request with these bytes."""
        self._path = path
        self._containers: dict[str, _Container] = {}
        self._queues: defaultdict[str, list[asyncio.Queue[bytes | None]]] = defaultdict(list)
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()

    def run(self, container: str, service: str, task: str, frames: Iterable[bytes] = ()) -> None:
        """Have a container that says these frames to whoever begins to listen."""
        self._containers[container] = _Container(service, task, [*frames])

    def end(self, container: str) -> None:
        """The container is no more; its streams end."""
        self._containers.pop(container, None)
        self.cut(container)

    def send(self, container: str, line: bytes) -> None:
        """One more line for those who listen."""
        for queue in self._queues[container]:
            queue.put_nowait(line)

    def cut(self, container: str) -> None:
        """Break the container's streams off."""
        for queue in self._queues[container]:
            queue.put_nowait(None)

    async def streams(self, count: int) -> None:
        """Wait until so many streams are open."""
        await self.until(lambda: self.open.total() == count)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until requests came or ended such that this holds."""
        async with asyncio.timeout(120), self._changed:
            await self._changed.wait_for(condition)

    async def start(self) -> None:
        """Listen."""
        application = web.Application()
        for kind, path in (
            ("ping", "/_ping"),
            ("list", "/v1.45/containers/json"),
            ("stats", "/v1.45/containers/{id}/stats"),
            ("info", "/v1.45/info"),
        ):
            application.router.add_get(path, getattr(self, f"_{kind}"), name=kind)
        application.middlewares.append(self._entry)
        self._runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=0.0, access_log=None
        )
        await self._runner.setup()
        await web.UnixSite(self._runner, self._path).start()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.tcp_host = f"tcp://127.0.0.1:{self._runner.addresses[1][1]}"

    async def stop(self) -> None:
        """Refuse connections, and break off those that there are; idempotent."""
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

    @web.middleware
    async def _entry(self, request: web.Request, handler: Any) -> web.StreamResponse:
        kind = request.match_info.route.name or ""
        self.requests[kind] += 1
        await self._tell()
        if self.hang:
            await asyncio.Event().wait()
        if kind in self.status:
            return web.json_response({"message": "no"}, status=self.status[kind])
        if kind in self.body:
            return web.Response(body=self.body[kind])
        response: web.StreamResponse = await handler(request)
        return response

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response(text="OK", headers={"Api-Version": "1.45"})

    async def _info(self, _request: web.Request) -> web.Response:
        return web.json_response({"NCPU": 4, "MemTotal": 8 * 2**30})

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "Id": key,
                    "Labels": {
                        "com.docker.swarm.service.id": one.service,
                        "com.docker.swarm.task.id": one.task,
                    },
                }
                for key, one in self._containers.items()
            ]
        )

    async def _stats(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["id"]
        if key not in self._containers:
            return web.json_response({"message": f"No such container: {key}"}, status=404)
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues[key].append(queue)
        self.open[key] += 1
        await self._tell()
        try:
            with suppress(ConnectionError):
                await self._say(response, key, queue)
        finally:
            self.open[key] -= 1
            self._queues[key].remove(queue)
            await asyncio.shield(self._tell())
        return response

    async def _say(
        self, response: web.StreamResponse, key: str, queue: asyncio.Queue[bytes | None]
    ) -> None:
        for line in self._containers[key].frames:
            await response.write(line + b"\n")
        while (more := await queue.get()) is not None:
            await response.write(more + b"\n")
