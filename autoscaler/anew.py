"""Asks one source anew about single services, as soon as it has something new to say.

A tick asks all sources about everything. Between two ticks what a source was told, or should
have scraped by now, is asked of that source alone, and the services about which it says something
else than before are woken: triggers never decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial

from autoscaler.covering import Covering
from autoscaler.ports import Clock, Source, TellsNews
from autoscaler.sampling import sample
from autoscaler.telemetry import Telemetry
from autoscaler.view import View

GAP = 0.1
"""Seconds between two rounds, so that a storm of news is one."""
GAP_FOR_EACH = 0.01
"""The same, for each service that was woken: a hundred in a second at most, for metrics move all
the time. Of a large fleet the ticks then see the most."""
WITHIN = 5.0
"""Seconds in which a source must have answered; the next tick asks anyhow."""


class Anew:
    """News by source, until they are asked about."""

    def __init__(
        self,
        view: View,
        covering: Covering,
        sources: Mapping[str, Source],
        telemetry: Telemetry,
        clock: Clock,
        wake: Callable[[str], None],
    ) -> None:
        self._view = view
        self._covering = covering
        self._sources = sources
        self._telemetry = telemetry
        self._clock = clock
        self._wake = wake
        self._due: dict[str, set[str]] = {name: set() for name in sources}
        self._news = {name: asyncio.Event() for name in sources}
        for name, source in sources.items():
            if isinstance(source, TellsNews):
                source.on_news(partial(self.about, name))

    def about(self, source: str, service_ids: Collection[str]) -> None:
        """A source has something new to say about these services."""
        if service_ids:
            self._due[source].update(service_ids)
            self._news[source].set()

    async def run(self) -> None:
        """Ask, for ever; no source waits for another one."""
        async with asyncio.TaskGroup() as group:
            for name in self._sources:
                group.create_task(self._keep_asking(name), name=f"news of {name}")

    async def _keep_asking(self, source: str) -> None:
        while True:
            await self._news[source].wait()
            self._news[source].clear()
            due, self._due[source] = self._due[source], set()
            woken = 0
            try:
                woken = await self._ask(source, due)
            except Exception as error:  # noqa: BLE001 - the next tick asks anyhow
                self._telemetry.error(f"news of {source}", error)
            else:
                self._telemetry.well(f"news of {source}")
            await asyncio.sleep(max(GAP, GAP_FOR_EACH * woken))

    async def _ask(self, source: str, service_ids: Collection[str]) -> int:
        """How many services were woken by it."""
        known = [self._view.services[key] for key in service_ids if key in self._view.services]
        policies = [(service, self._covering(service)) for service in known]
        covered = [(found[0].policy, service) for service, found in policies if len(found) == 1]
        at, tasks = self._clock(), self._view.tasks
        found = await sample(covered, self._sources, tasks, at, WITHIN, only={source})
        news = self._view.freshen(found)
        for service_id in news:
            self._wake(service_id)
        return len(news)
