"""The pages that somebody asks for: scraped on demand, no more than are allowed."""

from __future__ import annotations

import asyncio

from autoscaler.ports import Clock
from autoscaler.sources.scrape.fetch import Fetcher, Page
from autoscaler.sources.scrape.news import News
from autoscaler.sources.scrape.settings import Settings
from autoscaler.sources.scrape.target import Target


class Targets:
    """One scraper for each page, whoever asks."""

    def __init__(
        self,
        fetcher: Fetcher,
        settings: Settings,
        clock: Clock,
        monotonic: Clock,
        news: News,
    ) -> None:
        self._news = news
        self._fetcher = fetcher
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._open: dict[Page, Target] = {}

    def __len__(self) -> int:
        return len(self._open)

    def target(self, page: Page) -> Target | None:
        """The scraper of a page; None where too many are scraped."""
        if page not in self._open and not self._has_room():
            return None
        if page not in self._open or self._open[page].ended:
            self._open[page] = Target(
                page, self._fetcher, self._settings, self._clock, self._monotonic, self._news
            )
        return self._open[page]

    async def close(self) -> None:
        """End all scrapers; idempotent."""
        targets, self._open = [*self._open.values()], {}
        await asyncio.gather(*(target.close() for target in targets))

    def _has_room(self) -> bool:
        if len(self._open) >= self._settings.targets:
            self._open = {page: one for page, one in self._open.items() if not one.ended}
        return len(self._open) < self._settings.targets
