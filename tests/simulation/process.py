"""The product as a process: it starts, is killed at any moment, and starts anew."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web as http

from autoscaler import web
from autoscaler.app import Parts, assemble, keeper, work
from autoscaler.errors import AutoscalerError
from autoscaler.model import Decision, Sample
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.orchestrators.swarm.settings import EventSettings
from autoscaler.policy_files import PolicyFiles, PolicyWatcher
from autoscaler.serving import site
from autoscaler.settings import Settings
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.sources.alertmanager import Settings as AlertmanagerSettings
from autoscaler.sources.prometheus import PrometheusSource
from autoscaler.sources.prometheus import Settings as PrometheusSettings
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry
from autoscaler.testing.network import SPEAKER

if TYPE_CHECKING:
    from tests.simulation.world import World

HOST = "autoscaler"
"""The product's name in the network."""
RESTART_AFTER = 5.0
"""Seconds after which a process that ended is started again, as Swarm does."""


class Product:
    """One controller; whatever it is at, it can be killed."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings
        self._life: Life | None = None
        self.lives = 0

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._life is not None

    async def start(self) -> None:
        """A new process; it may take its time until it is ready."""
        assert self._life is None, "it runs already"
        self.lives += 1
        self._life = Life(self._world, self._settings, f"{HOST}-{self.lives}", self._ended)
        self._life.begin()

    def kill(self) -> None:
        """As by kill -9: from now on it does nothing, and nothing hears of it. Idempotent."""
        life, self._life = self._life, None
        if life is not None:
            self._world.tell("killed", life.name)
            life.end()

    async def restart(self) -> None:
        """Kill it, if it runs, and start anew with what the store holds."""
        self.kill()
        await self.start()

    def reload(self) -> None:
        """As by SIGHUP: look at the policy files anew."""
        if self._life is not None and self._life.watcher is not None:
            self._life.watcher.reload()

    def _ended(self, life: Life, why: str) -> None:
        """It has given up by itself; as Swarm does, start another one."""
        if self._life is life:
            self._life = None
            self._world.tell("ended", life.name, why)
            life.end()
            self._world.later(RESTART_AFTER, self._again)

    async def _again(self) -> None:
        if self._life is None:
            await self.start()


class Life:
    """One process, from its start to its end."""

    def __init__(
        self, world: World, settings: Settings, name: str, ended: Callable[[Life, str], None]
    ) -> None:
        self.name = name
        self.alive = True
        self.watcher: PolicyWatcher | None = None
        self._world = world
        self._settings = settings
        self._ended = ended
        self._files: list[sqlite3.Connection] = []
        self._connectors: list[aiohttp.BaseConnector] = []

    def begin(self) -> None:
        """Run it in a context of its own, by which all that belongs to it is known."""
        context = contextvars.copy_context()
        context.run(SPEAKER.set, self.name)
        self._world.born(self.name)
        asyncio.get_running_loop().create_task(self._main(), name=self.name, context=context)

    def end(self) -> None:
        """The end of all that belongs to it; what it does from now on reaches nobody."""
        self.alive = False
        self._world.network.cut(self.name)
        for task in self._world.died(self.name):
            task.cancel()
        self._world.later(0.0, self._give_back)

    async def _give_back(self) -> None:
        """As the kernel does; what is not committed is lost."""
        for connection in self._files:
            connection.close()
        for connector in self._connectors:
            await connector.close()

    async def _main(self) -> None:
        try:
            await self._run()
        except AutoscalerError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - a process that dies of it is a finding
            why = repr(error)
            self._world.wrong("no process dies of an error that nobody expects", why)
        else:
            why = "nobody told it to stop"
        if self.alive:
            self._ended(self, why)

    async def _run(self) -> None:
        parts = await self._build()
        settings = parts.settings
        self.watcher = PolicyWatcher(
            settings.policy_paths, settings.source_plugins, kept=keeper(parts), hints=no_hints
        )
        loop = await assemble(parts, self.watcher)
        await self.watcher.begin()
        runner = http.AppRunner(web.build(site(parts, loop)), access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        self._world.network.listen(HOST, runner)
        await work(parts, loop, asyncio.Event())

    async def _build(self) -> Parts:
        world = self._world
        clock, connector = world.clock, self._connector
        disk = world.disk
        store = await SqliteStore.open(
            disk.path,
            connect=self._connect,
            thread=lambda: disk.thread(lambda: self.alive),
            probe=lambda _: "ext4",
        )
        prometheus = PrometheusSettings(urls=("http://prometheus:9090",))
        alerts = AlertmanagerSettings(
            urls=tuple(f"http://{each.name}" for each in world.alertmanagers.members)
        )
        parts = Parts(
            self._settings,
            SwarmOrchestrator(self._engine(), clock, connector=connector),
            {
                "prometheus": PrometheusSource(prometheus, clock, world.prometheus.adapter),
                "alertmanager": AlertmanagerSource(alerts, clock, connector),
            },
            store,
            telemetry=_Telemetry(world, clock),
            clock=clock,
        )
        return world.alter(parts)

    def _engine(self) -> SwarmSettings:
        events = EventSettings.model_validate({"silence": f"{self._world.plan.silence:g}s"})
        return SwarmSettings(host=self._world.swarm.host, events=events)

    def _connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        connection = self._world.disk.connect(*args, **options)
        self._files.append(connection)
        return connection

    def _connector(self) -> aiohttp.BaseConnector:
        connector = self._world.network.connector(self.name)
        self._connectors.append(connector)
        return connector


class _Telemetry(Telemetry):
    """Errors that nobody expects are findings."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._world = world

    def decided(self, decision: Decision, *, samples: Mapping[str, Sample], **how: Any) -> None:
        """A pass has ended; a source that failed in its own code is a finding."""
        super().decided(decision, samples=samples, **how)
        for name, sample in samples.items():
            if sample.detail.startswith("source ") and " failed: " in sample.detail:
                self._world.wrong("no error is unexpected", f"{name}: {sample.detail}")

    def error(self, where: str, error: BaseException, *, service: str = "") -> None:
        """What the loop caught."""
        super().error(where, error, service=service)
        if not isinstance(error, AutoscalerError):
            self._world.wrong("no error is unexpected", f"{where} {service}: {error!r}")


async def no_hints(files: PolicyFiles, poll: float) -> AsyncGenerator[None, None]:
    """Policy files are looked at when the product is told to."""
    await asyncio.Event().wait()
    yield
