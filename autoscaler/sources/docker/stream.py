"""One container's statistics, followed through every break, for as long as somebody asks."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import structlog

from autoscaler.errors import AutoscalerError
from autoscaler.ports import Clock
from autoscaler.sources.docker.engine import Engine, Gone
from autoscaler.sources.docker.frames import History, Reading, read_frame
from autoscaler.sources.docker.settings import Settings

log = structlog.get_logger(__name__)


class Stream:
    """Reads frames into a history, in a task of its own, until it is idle or closed."""

    def __init__(
        self, container: str, engine: Engine, settings: Settings, monotonic: Clock
    ) -> None:
        self.history = History()
        self.asked = monotonic()
        """When somebody last wanted to know, by the clock of `monotonic`."""
        self.begun = asyncio.Event()
        """Set when there is enough for a value, or there will be nothing."""
        self._container = container
        self._engine = engine
        self._settings = settings
        self._monotonic = monotonic
        self._failures = 0
        name = f"statistics of container {container[:12]}"
        self._task = asyncio.create_task(self._follow(), name=name)
        self._task.add_done_callback(lambda _: self.begun.set())

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more: the container is gone, or nobody asked for long."""
        return self._task.done()

    async def close(self) -> None:
        """Give the connection back; idempotent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while self._is_wanted():
            try:
                await self._once()
                told = "the engine ended the stream"
            except Gone:
                return
            except (AutoscalerError, ValueError) as error:
                told = str(error)
            if self._is_wanted():
                await self._rest(told)

    async def _once(self) -> None:
        """One connection's frames."""
        path = f"containers/{self._container}/stats"
        async with aclosing(self._engine.lines(path, stream="1")) as lines:
            async for line in lines:
                reading = read_frame(line)
                if reading is not None:
                    self._take(reading)
                if not self._is_wanted():
                    return

    def _take(self, reading: Reading) -> None:
        self._failures = 0
        self.history.add(reading, self._monotonic())
        if self.history.length > 1:
            self.begun.set()

    async def _rest(self, told: str) -> None:
        """Wait before the next attempt; doubled with each failure, with jitter."""
        if not self._failures:
            log.info("statistics break off", container=self._container[:12], error=told)
        doubled = self._settings.backoff * 2.0 ** min(self._failures, 20)
        self._failures += 1
        seconds = min(doubled, self._settings.backoff_max) * random.uniform(0.5, 1.0)  # noqa: S311
        await asyncio.sleep(seconds)

    def _is_wanted(self) -> bool:
        return self._monotonic() - self.asked < self._settings.idle
