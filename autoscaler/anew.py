"""Asks one source anew about single services, as soon as it has something new to say.

A tick asks all sources about everything. Between two ticks what a source was told is asked of
that source alone, and the services concerned are woken: triggers never decide.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from autoscaler.covering import Covering
from autoscaler.ports import Clock, Source
from autoscaler.sampling import sample
from autoscaler.telemetry import Telemetry
from autoscaler.view import View

GAP = 0.1
"""Seconds between two rounds, so that a storm of news is one."""
WITHIN = 1.0
"""Seconds in which a source must have answered; what it is told it has at hand."""


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
        self._due: defaultdict[str, set[str]] = defaultdict(set)
        self._news = asyncio.Event()

    def about(self, source: str, service_ids: Collection[str]) -> None:
        """A source has something new to say about these services."""
        if service_ids:
            self._due[source].update(service_ids)
            self._news.set()

    async def run(self) -> None:
        """Ask, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            due, self._due = self._due, defaultdict(set)
            if all([await self._asked(source, ids) for source, ids in due.items()]):
                self._telemetry.well("news of alerts")
            await asyncio.sleep(GAP)

    async def _asked(self, source: str, service_ids: Collection[str]) -> bool:
        try:
            await self._ask(source, service_ids)
        except Exception as error:  # noqa: BLE001 - the next tick asks anyhow
            self._telemetry.error("news of alerts", error)
            return False
        return True

    async def _ask(self, source: str, service_ids: Collection[str]) -> None:
        known = [self._view.services[key] for key in service_ids if key in self._view.services]
        policies = [(service, self._covering(service)) for service in known]
        covered = [(found[0].policy, service) for service, found in policies if len(found) == 1]
        at, tasks = self._clock(), self._view.tasks
        self._view.freshen(await sample(covered, self._sources, tasks, at, WITHIN, only={source}))
        for service in known:
            self._wake(service.id)
