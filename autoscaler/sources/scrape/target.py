"""One page, scraped again and again while somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import structlog

from autoscaler.errors import Temporary
from autoscaler.ports import Clock
from autoscaler.sources.scrape.fetch import Fetcher, Page
from autoscaler.sources.scrape.news import News
from autoscaler.sources.scrape.series import Series
from autoscaler.sources.scrape.settings import Settings
from autoscaler.sources.scrape.text import Found, LabelSet, read_page

SECOND_AFTER = 1.0
"""Seconds between scrapes until a question has two good pages: a rate needs them, and soon."""
FRESH_FOR = 3.0
"""Scrapes that may fail before what the last good one said is no longer known."""
THREAD_FROM = 256 * 1024
"""Bytes from which a page is read in a thread; below, the thread costs more."""
MOST_TRACKS = 100
"""Questions to one page at a time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """Which series of a page are wanted."""

    metric: str
    labels: LabelSet
    interval: float
    """Seconds between two scrapes for it."""


@dataclass
class Track:
    """What a page has said to one question."""

    keep: float = 0.0
    """Seconds of values that somebody needs."""
    asked: float = 0.0
    tries: int = 0
    pages: int = 0
    """Good pages."""
    at: float = 0.0
    """When the last good page was asked for, in Unix seconds."""
    tick: float = float("-inf")
    """The same by a clock that only goes forward."""
    series: dict[LabelSet, Series] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    """Ids of those that it was asked about, and that are to be told of."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is an answer, or will be none soon."""


class Target:
    """Scrapes a page in a task of its own, until nobody asks or it is closed."""

    def __init__(
        self,
        page: Page,
        fetcher: Fetcher,
        settings: Settings,
        clock: Clock,
        monotonic: Clock,
        news: News,
    ) -> None:
        self.problem = ""
        """Why the last scrape failed, if it did."""
        self._page = page
        self._fetcher = fetcher
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._news = news
        self._tracks: dict[Question, Track] = {}
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._scrape(), name=f"scrape {page.url[:200]}")

    @property
    def ended(self) -> bool:
        """Whether it scrapes no more, since nobody asked for long."""
        return self._task.done()

    def ask(self, question: Question, keep: float, service: str) -> Track | None:
        """What is known; a question that is new, or has no good page, is scraped for at once.

        `service` is the id of the one that is asked about. None when there are too many questions
        to this page.
        """
        track = self._tracks.get(question)
        if track is None:
            if len(self._tracks) >= MOST_TRACKS:
                return None
            track = self._tracks[question] = Track()
            self._wake.set()
        elif self.problem and not self.is_fresh(track):
            track.settled.clear()
            self._wake.set()
        track.services.add(service)
        track.keep = max(track.keep, keep)
        track.asked = self._monotonic()
        return track

    @property
    def _interval(self) -> float:
        return min((question.interval for question in self._tracks), default=SECOND_AFTER)

    def is_fresh(self, track: Track) -> bool:
        """Whether what it said last can still be believed."""
        age = self._monotonic() - track.tick
        return age <= FRESH_FOR * self._interval + self._settings.page_timeout

    async def close(self) -> None:
        """Stop; idempotent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _scrape(self) -> None:
        while self._forget():
            self._wake.clear()
            tracks = dict(self._tracks)
            at, tick = self._clock(), self._monotonic()
            try:
                found = await self._read(frozenset(one.metric for one in tracks))
            except Temporary as error:
                self._failed(str(error), tracks)
            else:
                self.problem = ""
                for question, track in tracks.items():
                    _take(question, track, found, at, tick)
                self._tell_of(tracks.values())
            await self._rest(tick)

    def _forget(self) -> bool:
        """Drop questions that nobody has asked for long; whether any are left."""
        now, idle = self._monotonic(), self._settings.idle
        for question, track in [*self._tracks.items()]:
            if now - track.asked >= idle:
                del self._tracks[question]
        return bool(self._tracks)

    async def _read(self, names: frozenset[str]) -> Found:
        body = await self._fetcher.fetch(self._page)
        most = self._settings.max_series
        if len(body) < THREAD_FROM:
            return read_page(body, names, most)
        return await asyncio.to_thread(read_page, body, names, most)

    def _failed(self, problem: str, tracks: Mapping[Question, Track]) -> None:
        if not self.problem:
            log.info("a page cannot be scraped", url=_shown(self._page.url), error=problem)
        self.problem = problem
        for track in tracks.values():
            track.tries += 1
            track.settled.set()

    def _tell_of(self, tracks: Collection[Track]) -> None:
        """Whoever still wants to know asks again, and is told of again."""
        services = {service for track in tracks for service in track.services}
        told = self._news.came(services, self._interval)
        for track in tracks:
            track.services.difference_update(told)

    async def _rest(self, began: float) -> None:
        """Wait for the next scrape, which comes sooner for a new question."""
        young = any(track.pages < 2 for track in self._tracks.values())
        wait = min(self._interval, SECOND_AFTER) if young else self._interval
        left = max(0.0, wait - (self._monotonic() - began))
        try:
            async with asyncio.timeout(left):
                await self._wake.wait()
        except TimeoutError:
            return


def _take(question: Question, track: Track, found: Found, at: float, tick: float) -> None:
    """Take a good page in; series that it has no more are over."""
    track.tries += 1
    track.pages += 1
    track.at, track.tick = at, tick
    there = found[question.metric]
    wanted = {labels: value for labels, value in there.items() if question.labels <= labels}
    track.series = {labels: track.series.get(labels, Series()) for labels in wanted}
    for labels, value in wanted.items():
        track.series[labels].add(value, tick, track.keep)
    if track.pages > 1 or not track.keep or not wanted:
        track.settled.set()


def _shown(url: str) -> str:
    """Without what may be secret: a login, a query."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"[:200]
