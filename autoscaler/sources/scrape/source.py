"""The source itself: from queries to pages, and from pages to samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Quality, Sample, Task
from autoscaler.names import Names
from autoscaler.ports import Clock, Query, Tell
from autoscaler.sources.scrape import options, settings
from autoscaler.sources.scrape.fetch import Fetcher
from autoscaler.sources.scrape.judge import Said, judge, weigh
from autoscaler.sources.scrape.news import News
from autoscaler.sources.scrape.target import Question, Target, Track
from autoscaler.sources.scrape.targets import Targets
from autoscaler.sources.scrape.where import Place, Places, find

SECOND_CHANCE = 0.25
"""Seconds that a read waits for a page that failed before."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query, where its pages are, and what is known of each way to each page."""

    options: options.Options
    places: Places
    ways: Mapping[Place, Sequence[tuple[Target, Track]]]


class ScrapeSource:
    """Answers with a metric of Prometheus text pages, which it reads itself.

    In a policy:

        source: scrape
        metric: http_requests_total
        function: rate
        tasks: {port: 8080}
        target: {average_value: 100}
    """

    Options: ClassVar[type[BaseModel]] = options.Options
    Settings: ClassVar[type[BaseModel]] = settings.Settings

    def __init__(
        self,
        settings: settings.Settings,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        names: Names | None = None,
    ) -> None:
        self._settings = settings
        self._closed = False
        self._names = names or Names()
        self._fetcher = Fetcher(settings, self._names)
        self._news = News(monotonic)
        self._targets = Targets(self._fetcher, settings, clock, monotonic, self._news)

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order; takes no longer than the timeout of the settings."""
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.9 * self._settings.timeout
        asked = await asyncio.gather(
            *(self._ask(query, tasks.get(query.service.id), until) for query in queries)
        )
        patience = min(self._settings.patience, until - loop.time())
        await _settled([one for one in asked if isinstance(one, _Asked)], patience)
        return [self._sample(one) for one in asked]

    def on_news(self, tell: Tell) -> None:
        """Tell of services as soon as a page that they are asked about has come."""
        self._news.tell = tell

    async def close(self) -> None:
        """Give back connections; scrapes in flight end; idempotent."""
        self._closed = True
        await self._targets.close()
        await self._fetcher.close()

    async def _ask(
        self, query: Query, tasks: tuple[Task, ...] | None, until: float
    ) -> _Asked | AutoscalerError:
        if not isinstance(query.options, options.Options):
            return Permanent(f"{type(query.options).__name__} are not options of this source")
        if self._closed:
            return Temporary("the source is closed")
        try:
            async with asyncio.timeout_at(until):
                places = await find(query.options, query, tasks, self._names)
        except TimeoutError:
            return Temporary(f"tasks.{query.service.name}: no answer from DNS in time")
        except AutoscalerError as error:
            return error
        service = query.service.id
        ways = {place: self._ways(query.options, place, service) for place in places.places}
        return _Asked(query.options, places, ways)

    def _ways(
        self, asked: options.Options, place: Place, service: str
    ) -> Sequence[tuple[Target, Track]]:
        question = Question(asked.metric, frozenset(asked.labels), asked.interval)
        found = []
        for page in place.pages:
            target = self._targets.target(page)
            track = None if target is None else target.ask(question, asked.keep, service)
            if target is not None and track is not None:
                found.append((target, track))
        return found

    def _sample(self, asked: _Asked | AutoscalerError) -> Sample:
        if isinstance(asked, AutoscalerError):
            return Sample(quality=Quality.ERROR, detail=str(asked))
        said = [_said(asked.options, place, ways) for place, ways in asked.ways.items()]
        return judge(asked.options, asked.places, said)


async def _settled(asked: Sequence[_Asked], patience: float) -> None:
    """Wait a little for pages that are new: a single read may be all there is.

    One that failed before gets its second chance too, but nobody waits long for that.
    """
    ways = [way for one in asked for ways in one.ways.values() for way in ways]
    new = [track for target, track in ways if not target.problem]
    failed = [track for target, track in ways if target.problem]
    await asyncio.gather(_wait(new, patience), _wait(failed, min(patience, SECOND_CHANCE)))


async def _wait(tracks: Sequence[Track], patience: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for track in tracks:
                await track.settled.wait()


def _said(asked: options.Options, place: Place, ways: Sequence[tuple[Target, Track]]) -> Said:
    """What the first way to the page that works comes to."""
    for target, track in ways:
        if track.pages and target.is_fresh(track):
            return weigh(asked, place.name, place.task, track.at, [*track.series.values()])
    if not ways:
        return _failed(place, "more pages than may be scraped at a time")
    problem = next((target.problem for target, _ in ways if target.problem), "")
    if not problem and not any(track.tries for _, track in ways):
        told = "not scraped yet"
        return Said(place.name, place.task, quality=Quality.NO_DATA, detail=told, young=True)
    return _failed(place, problem or "its last good page is too old")


def _failed(place: Place, told: str) -> Said:
    return Said(place.name, place.task, quality=Quality.ERROR, detail=told[:200])
