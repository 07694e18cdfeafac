"""Tells when a scrape should have brought something new, so that nobody waits for the next tick.

How often samples come is asked once for each query: as of just before its oldest sample was
taken, it is older by one scrape. Which moments follow from that is found in `rhythm.py`. Only
queries whose samples tell their age (`age.py`) are followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from autoscaler.errors import AutoscalerError
from autoscaler.ports import Tell
from autoscaler.sources.prometheus.answer import Answer
from autoscaler.sources.prometheus.rhythm import interval, next_due

GAP = 0.25
"""Seconds between two times at which something is told, so that what comes together is one."""
REST = 9.0
"""So many times as long as a read took nothing is told: a server spends a tenth on this."""
LEARNED_FOR = 600.0
"""Seconds for which it is believed how often samples come."""
AGAIN_AFTER = 10.0
"""Seconds after which it is asked again where it could not be told: there was one sample only."""
FORGOTTEN = 900.0
"""Seconds after its last answer for which a query is followed that nobody asks any more."""
MOST_KEPT = 4096
"""Queries that are followed; of further ones only the ticks ask."""
JUST_BEFORE = 0.001
"""Seconds; what Prometheus tells times in."""

Ask = Callable[[str, float], Awaitable[Answer | AutoscalerError]]
"""Answers a query as of a moment by the server's clock."""


@dataclass
class _Heard:
    """The last answer to a query."""

    services: Collection[str]
    """Ids of those that it was asked for."""
    measured: Mapping[frozenset[tuple[str, str]], float]
    evaluated: float
    """By the server's clock."""
    at: float
    """By the event loop's clock."""
    due: float | None = None
    """When to ask again, by the event loop's clock."""


@dataclass(frozen=True)
class _Learned:
    every: float | None
    at: float
    """When it was asked, by the event loop's clock."""

    def holds(self, heard: _Heard, now: float) -> bool:
        """Whether there is nothing more to learn from what was heard last."""
        lasts = AGAIN_AFTER if self.every is None else LEARNED_FOR
        return heard.at <= self.at or now < self.at + lasts


@dataclass
class Follower:
    """Knows when to ask which query again."""

    ask: Ask
    tell: Tell | None = None
    """Until somebody listens, nothing is followed."""
    _heard: dict[str, _Heard] = field(default_factory=dict)
    _learned: dict[str, _Learned] = field(default_factory=dict)
    _learning: asyncio.Task[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    _rest: float = float("-inf")

    def heard(
        self,
        asked: Mapping[str, Collection[str]],
        answers: Mapping[str, Answer | AutoscalerError],
        began: float,
    ) -> None:
        """Take in the answers of a read: by query, the services that it was asked for."""
        if self.tell is None:
            return
        now = asyncio.get_running_loop().time()
        self._rest = now + max(GAP, REST * (now - began))
        for text in [text for text, one in self._heard.items() if now - one.at > FORGOTTEN]:
            del self._heard[text]
        for text, services in asked.items():
            self._note(text, services, answers[text], now)
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._learn(), name="rhythm of prometheus")
        self._arm()

    async def close(self) -> None:
        """Tell nothing any more; idempotent."""
        self.tell = None
        if self._timer is not None:
            self._timer.cancel()
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)

    def _note(
        self, text: str, services: Collection[str], answer: Answer | AutoscalerError, now: float
    ) -> None:
        before = self._heard.pop(text, None)
        if isinstance(answer, AutoscalerError) or not (measured := answer.measured()):
            return
        if len(self._heard) >= MOST_KEPT:
            return
        # Those who were not told yet are to be told as well.
        known = {*services, *(before.services if before and before.due is not None else ())}
        heard = _Heard(known, measured, answer.series[0].at, now)
        self._heard[text] = self._dated(text, heard)

    def _dated(self, text: str, heard: _Heard) -> _Heard:
        """With the moment to ask again, if it is known how often samples come."""
        learned = self._learned.get(text)
        if learned is not None and learned.every is not None:
            due = next_due(heard.measured.values(), learned.every, heard.evaluated)
            heard.due = None if due is None else heard.at + due - heard.evaluated
        return heard

    async def _learn(self) -> None:
        """One query after the other, each seldom."""
        loop = asyncio.get_running_loop()
        for text, heard in [*self._heard.items()]:
            known = self._learned.get(text)
            if known is not None and known.holds(heard, loop.time()):
                continue
            answer = await self.ask(text, min(heard.measured.values()) - JUST_BEFORE)
            every = known.every if known is not None else None
            if not isinstance(answer, AutoscalerError):
                every = interval(heard.measured, answer.measured())
            self._keep(text, _Learned(every, loop.time()))
            if text in self._heard:
                self._dated(text, self._heard[text])
        self._arm()

    def _keep(self, text: str, learned: _Learned) -> None:
        """What was learned longest ago makes room."""
        self._learned.pop(text, None)
        self._learned[text] = learned
        if len(self._learned) > MOST_KEPT:
            del self._learned[next(iter(self._learned))]

    def _arm(self) -> None:
        """Set the timer for whatever is due first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = min((one.due for one in self._heard.values() if one.due is not None), default=None)
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(due, self._rest), self._tell)

    def _tell(self) -> None:
        """What is told is asked again, and so heard again; else nobody asks it any more."""
        now = asyncio.get_running_loop().time()
        due = [text for text, one in self._heard.items() if one.due is not None and one.due <= now]
        services = {service for text in due for service in self._heard.pop(text).services}
        self._rest = now + GAP
        if self.tell is not None:
            self.tell(services)
        self._arm()
