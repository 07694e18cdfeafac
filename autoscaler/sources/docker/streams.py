"""The streams that somebody asks for: opened on demand, no more than are allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from autoscaler.ports import Clock
from autoscaler.sources.docker.engine import Engine
from autoscaler.sources.docker.frames import History
from autoscaler.sources.docker.settings import Settings
from autoscaler.sources.docker.stream import Stream


class Streams:
    """One stream for each container that is asked about."""

    def __init__(self, engine: Engine, settings: Settings, monotonic: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._monotonic = monotonic
        self._open: dict[str, Stream] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def follow(self, asked: Mapping[str, float], running: Iterable[str]) -> None:
        """Follow these containers, each with a window to keep.

        Those that do not run any more are closed; so, by itself, is one that nobody has
        asked about for long. Where the bound is reached, containers have no stream.
        """
        self._drop(set(running))
        now = self._monotonic()
        for container, window in asked.items():
            stream = self._stream(container)
            if stream is not None:
                stream.asked = now
                stream.history.keep = max(stream.history.keep, window)

    def begun(self, container: str) -> asyncio.Event:
        """Set when there is enough for a value, or nothing to wait for."""
        if container in self._open:
            return self._open[container].begun
        return _nothing_to_wait_for()

    def history(self, container: str) -> History | None:
        """What is known of a container; None where it is not followed."""
        stream = self._open.get(container)
        return None if stream is None else stream.history

    def __len__(self) -> int:
        return len(self._open)

    async def close(self) -> None:
        """End all streams; idempotent."""
        streams, self._open = [*self._open.values()], {}
        await asyncio.gather(*(stream.close() for stream in streams), *self._closing)

    def _stream(self, container: str) -> Stream | None:
        """A container's stream, opened if need be; None where too many are open."""
        if container not in self._open and len(self._open) < self._settings.streams:
            stream = Stream(container, self._engine, self._settings, self._monotonic)
            self._open[container] = stream
        return self._open.get(container)

    def _drop(self, running: set[str]) -> None:
        for container, stream in [*self._open.items()]:
            if stream.ended or container not in running:
                del self._open[container]
                closing = asyncio.create_task(stream.close(), name="close statistics")
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)


def _nothing_to_wait_for() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
