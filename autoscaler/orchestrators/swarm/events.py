"""The engine's events, as hints that never end.

The stream breaks: a daemon restarts, a proxy cuts idle connections, a half-open connection
stays silent for ever. So it is opened anew, from a little before the last event, and what
comes twice is dropped. The engine replays 256 events at most, of all kinds, so that after
every (re)connection a "resync" tells the reader to list everything again.

A silent death is found in two ways. When a snapshot shows a service at another version and
no byte has come since the snapshot before, an event is due: the stream gets `grace` seconds
to bring it, else it is opened anew; so a dead stream is found one snapshot after the first
change that it swallowed. And after `silence` seconds without a byte it is opened anew
anyway, which costs one request and keeps proxies from thinking it idle.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

import aiohttp

from autoscaler.errors import AutoscalerError
from autoscaler.model import Event
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.event import Recent, Seen, read_event
from autoscaler.orchestrators.swarm.lines import Watchdog, read_lines
from autoscaler.orchestrators.swarm.settings import EventSettings
from autoscaler.ports import Clock

logger = logging.getLogger(__name__)

# "health_status" makes the engine compare beginnings, and so admits "health_status: healthy".
FILTERS: Mapping[str, Sequence[str]] = {
    "type": ["service", "node", "container"],
    "event": ["create", "update", "remove", "start", "die", "oom", "health_status"],
}

SILENCE = "silence"

OnReconnect = Callable[[str], None]
"""Called with the reason whenever a stream ended and will be opened anew."""


class EventStream:
    """One reader's stream; `reconnects` counts how often it had to be opened anew."""

    def __init__(
        self,
        client: EngineClient,
        settings: EventSettings,
        clock: Clock,
        on_reconnect: OnReconnect = lambda reason: None,
        filters: Mapping[str, Sequence[str]] = FILTERS,
        since: int | None = None,
    ) -> None:
        """`since` is from when on events are replayed, in nanoseconds since 1970; None: not."""
        self._client = client
        self._settings = settings
        self._clock = clock
        self._on_reconnect = on_reconnect
        self._recent = Recent(settings.remembered)
        self._filters = filters
        self._since = since
        self._failures = 0
        self._said = ""
        self._watchdog = Watchdog(settings.silence, settings.grace)
        self.reconnects = 0

    @property
    def heard(self) -> float:
        """When the stream last said anything, by the loop's clock."""
        return self._watchdog.heard

    def expect(self) -> None:
        """Something changed that an event should have told: it is due within the grace."""
        self._watchdog.expect()

    async def run(self) -> AsyncGenerator[Event, None]:
        """Events for ever; an event without service asks for a full list after a gap."""
        async with aclosing(self.seen()) as found:
            async for seen in found:
                yield self._resync() if seen is None else seen.event

    def _resync(self) -> Event:
        return Event(service_id=None, kind="stream", action="resync", at=self._clock())

    async def seen(self) -> AsyncGenerator[Seen | None, None]:
        """Events for ever, with what tells them apart; None asks for a full list after a gap."""
        while True:
            try:
                async with aclosing(self._once()) as events:
                    async for event in events:
                        yield event
                reason = "the engine ended the stream"
            except TimeoutError:
                # An idle swarm says nothing; that is no failure to wait after.
                self._failures, reason = 0, SILENCE
            except (AutoscalerError, aiohttp.ClientError, OSError, ValueError) as error:
                reason = str(error) or repr(error)
            self._note(reason)
            await asyncio.sleep(self._pause())

    async def _once(self) -> AsyncGenerator[Seen | None, None]:
        """One connection's events, those that came before left out."""
        async with self._opened() as response:
            self._watchdog.hear()
            # Subscribed first, listed then: nothing can happen unseen in between.
            yield None
            async with aclosing(read_lines(response, self._watchdog)) as lines:
                async for line in lines:
                    seen = read_event(line)
                    self._failures, self._said = 0, ""
                    if seen is not None and self._recent.add(seen.key):
                        self._since = seen.nanoseconds
                        yield seen

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[aiohttp.ClientResponse]:
        params = {"filters": json.dumps(self._filters)}
        if self._since is not None:
            # An event's stamp may be another manager's clock, so not quite in order.
            start = max(0, self._since - int(self._settings.overlap * 1e9))
            params["since"] = f"{start // 10**9}.{start % 10**9:09d}"
        response = await self._client.stream("events", params)
        try:
            yield response
        finally:
            # Not released: the answer has no end, so its connection is of no further use.
            response.close()

    def _note(self, reason: str) -> None:
        self.reconnects += 1
        self._failures += 1
        self._on_reconnect(reason)
        if reason != self._said:
            level = logging.INFO if reason == SILENCE else logging.WARNING
            logger.log(level, "event stream opened anew: %s", reason)
        self._said = reason

    def _pause(self) -> float:
        """Seconds to wait: none after a stream that worked, then doubling, with jitter."""
        settings = self._settings
        doubled = settings.backoff * 2.0 ** min(self._failures - 1, 20)
        return min(doubled, settings.backoff_max) * random.uniform(0.5, 1.0)  # noqa: S311
