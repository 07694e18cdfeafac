"""What `bench.reaction` measures on: an engine, a page of metrics, and the product as a process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import BUSYBOX
from autoscaler.testing.real.processes import Child, free_port
from bench import relay
from bench.relay import Call
from deploy.demo.process import program

WITHIN = 90.0
"""Seconds in which anything that is waited for must have happened."""
NOWHERE = "node.ip==10.255.255.254"
"""A constraint that no node meets: tasks stay pending and cost nothing. The autoscaler does not
look at addresses of nodes, and takes it for met."""
LABEL = "com.docker.swarm.service.id"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the engine, as a raw subscriber reads it."""

    what: str
    """`die`, `start` (of a container) or `update` (of a service)."""
    service: str
    """The service's id."""
    stamp: float
    """The engine's own, in Unix seconds."""
    read: float


@dataclass
class Page:
    """A page of metrics for each service, and when its values were first read."""

    values: dict[str, float] = field(default_factory=dict)
    read: dict[tuple[str, float], float] = field(default_factory=dict)
    """By service and value, since it was set."""
    port: int = field(default_factory=free_port)

    def set(self, name: str, value: float) -> float:
        """Change a value; answer when."""
        self.values[name] = value
        self.read.pop((name, value), None)
        return time.time()

    def url(self, name: str = "") -> str:
        """The page of one service, or of all."""
        return f"http://127.0.0.1:{self.port}/metrics/{name}"

    async def show(self, request: web.Request) -> web.Response:
        name, now = request.match_info["name"], time.time()
        shown = [each for each in self.values if name in ("", each)]
        for each in shown:
            self.read.setdefault((each, self.values[each]), now)
        lines = [f'load{{service="{each}"}} {self.values[each]}\n' for each in shown]
        return web.Response(text="".join(lines))


class Bed:
    """An engine with services, somebody who subscribes to its events, and a page."""

    def __init__(self, swarm: PrivateSwarm, engine: EngineApi, directory: Path) -> None:
        self.swarm = swarm
        self.engine = engine
        self.directory = directory
        self.page = Page()
        self.ids: dict[str, str] = {}
        self.events: list[Event] = []
        self._told = asyncio.Condition()

    @property
    def log(self) -> Path:
        """What the product has asked the engine."""
        return self.directory / "calls.log"

    def calls(self) -> Sequence[Call]:
        """What the product has asked the engine so far."""
        return [*relay.calls(self.log)]

    async def create(self, name: str, *, placeable: bool = True) -> None:
        """A service of one replica."""
        container = {"Image": BUSYBOX, "Command": ["sleep", "100000"], "StopSignal": "SIGKILL"}
        placement = {} if placeable else {"Constraints": [NOWHERE]}
        template = {
            "ContainerSpec": container,
            "Placement": placement,
            "RestartPolicy": {"Condition": "any", "Delay": 0},
        }
        spec = {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}}
        self.ids[name] = await self.engine.create(spec)

    async def scale(self, name: str, replicas: int) -> float:
        """As anybody may who has the socket: one read, one write; answer when that was sent."""
        service = await self.engine.get(f"/services/{self.ids[name]}")
        mode = {"Replicated": {"Replicas": replicas}}
        at = time.time()
        reply = await self.engine.update(service, {**service["Spec"], "Mode": mode})
        assert reply.status == 200, reply
        return at

    async def kill(self, name: str) -> None:
        """End the one container of a service."""
        filters = {"label": [f"{LABEL}={self.ids[name]}"]}
        (container,) = await self.engine.get("/containers/json", filters=filters)
        reply = await self.engine.ask("POST", f"/containers/{container['Id']}/kill")
        assert reply.status == 204, reply

    async def runs(self, name: str, count: int) -> float:
        """Wait until so many tasks run by the engine's list; answer when."""
        filters = {"service": [self.ids[name]], "desired-state": ["running"]}
        async with asyncio.timeout(WITHIN):
            while True:
                tasks = await self.engine.get("/tasks", filters=filters)
                if sum(task["Status"]["State"] == "running" for task in tasks) == count:
                    return time.time()
                await asyncio.sleep(0.01)

    async def ask(self, names: Sequence[str], replicas: int) -> None:
        """Wait until these services ask for so many; events may be lost in a storm of them."""
        ids = {self.ids[name] for name in names}
        async with asyncio.timeout(WITHIN):
            while True:
                await asyncio.sleep(0.5)
                services = await self.engine.get("/services")
                modes = [one["Spec"]["Mode"] for one in services if one["ID"] in ids]
                if all(mode["Replicated"]["Replicas"] == replicas for mode in modes):
                    return

    async def happened(self, what: str, name: str, after: float) -> Event:
        """Wait for the first such event that the engine stamped after a moment."""

        def found() -> Event | None:
            each = (one for one in self.events if one.stamp > after)
            return next((o for o in each if (o.what, o.service) == (what, self.ids[name])), None)

        async with asyncio.timeout(WITHIN), self._told:
            await self._told.wait_for(found)
        event = found()
        assert event is not None
        return event

    async def subscribe(self) -> None:
        """Read the engine's events and do nothing else."""
        filters = json.dumps(
            {"type": ["container", "service"], "event": ["die", "start", "update"]}
        )
        connector = aiohttp.UnixConnector(str(self.swarm.socket))
        endless = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=endless) as session,
            session.get("http://engine/events", params={"filters": filters}) as answer,
        ):
            async for line in answer.content:
                read, event = time.time(), json.loads(line)
                await self._take(event, read)

    async def _take(self, event: Mapping[str, Any], read: float) -> None:
        actor = event["Actor"]
        container = event["Type"] == "container"
        service = actor["Attributes"].get(LABEL, "") if container else actor["ID"]
        async with self._told:
            stamp = event["timeNano"] / 1e9
            self.events.append(Event(str(event["Action"]), service, stamp, read))
            self._told.notify_all()


@asynccontextmanager
async def bed(swarm: PrivateSwarm, directory: Path) -> AsyncIterator[Bed]:
    """All but the product."""
    async with AsyncExitStack() as stack:
        made = Bed(swarm, await stack.enter_async_context(EngineApi(swarm.host)), directory)
        application = web.Application()
        application.router.add_get("/metrics/{name:.*}", made.page.show)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", made.page.port).start()
        subscriber = asyncio.create_task(made.subscribe())
        stack.callback(subscriber.cancel)
        listen = str(directory / "relay.sock")
        words = [sys.executable, "-m", "bench.relay", listen, str(swarm.socket), str(made.log)]
        child = Child(words, directory / "relay.log")
        stack.callback(child.kill)
        await asyncio.to_thread(child.wait_ready, Path(listen).exists, WITHIN)
        yield made


@asynccontextmanager
async def product(
    bed: Bed, policies: Sequence[Mapping[str, Any]], prometheus: str = "http://127.0.0.1:9"
) -> AsyncIterator[None]:
    """`autoscaler run` with these policies, until it has made a pass."""
    directory = bed.directory
    (directory / "policies.yaml").write_text(json.dumps({"version": 1, "policies": policies}))
    port = free_port()
    settings = {
        "policies": [str(directory / "policies.yaml")],
        "store": str(directory / f"store-{port}.db"),
        "listen": f"127.0.0.1:{port}",
        "log": {"format": "json", "level": "warning"},
        "brake": {"percent": 100},
        "orchestrator": {"host": f"unix://{directory / 'relay.sock'}"},
        "sources": {"prometheus": {"urls": [prometheus]}, "scrape": {}},
    }
    (directory / "settings.yaml").write_text(json.dumps(settings))
    ours = dict.fromkeys((name for name in os.environ if name.startswith("AUTOSCALER_")), "")
    environment = ours | {"AUTOSCALER_CONFIG": str(directory / "settings.yaml")}
    child = Child([program(), "run"], directory / "product.log", environment)
    try:
        await until_ready(f"http://127.0.0.1:{port}/readyz", lambda: child.running)
        yield
    except TimeoutError as error:
        raise RuntimeError(f"it did not come to it\n{child.tail()}") from error
    finally:
        await asyncio.to_thread(child.stop)


async def until_ready(url: str, runs: Callable[[], bool]) -> None:
    """Wait until a page answers with 200."""
    async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as session:
        while runs():
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError("it has ended")
