"""The source itself: from queries to requests, and from answers to samples."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ClassVar, TypeVar, cast

import structlog
from pydantic import BaseModel
from requests.adapters import BaseAdapter

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Quality, Sample, Task
from autoscaler.ports import Clock, Query, Span, Tell
from autoscaler.sources.prometheus import options, settings
from autoscaler.sources.prometheus.age import with_age
from autoscaler.sources.prometheus.answer import Answer, understand
from autoscaler.sources.prometheus.connection import Connection
from autoscaler.sources.prometheus.failover import Servers
from autoscaler.sources.prometheus.follower import Follower
from autoscaler.sources.prometheus.judge import judge
from autoscaler.sources.prometheus.matrix import understand_range
from autoscaler.sources.prometheus.transport import Adapter, Call

SKEW = 5.0
"""Seconds between the server's clock and ours from which on a warning is logged."""

log = structlog.get_logger(__name__)

T = TypeVar("T")
Work = Callable[[Connection, float, Call], T]
"""Asks one server within so many seconds, in a thread."""


class PrometheusSource:
    """Answers PromQL queries, through prometheus-api-client in threads of its own.

    In a policy:

        source: prometheus
        query: sum by (service) (rate(http_requests_total[20s]))
        match: service
    """

    Options: ClassVar[type[BaseModel]] = options.Options
    Settings: ClassVar[type[BaseModel]] = settings.Settings

    def __init__(
        self,
        settings: settings.Settings,
        clock: Clock = time.time,
        adapter: Callable[[int], BaseAdapter] = Adapter,
    ) -> None:
        """`adapter` makes what carries requests, so many at a time."""
        self._settings = settings
        self._clock = clock
        self._servers = Servers([Connection(url, settings, adapter) for url in settings.urls])
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="prometheus")
        self._free = asyncio.Semaphore(settings.threads)
        self._calls: set[Call] = set()
        self._missed: set[str] = set()
        self._closed = False
        self._skewed = False
        self._follower = Follower(self._ask_of_past)

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order; takes no longer than the timeout of the settings."""
        began = asyncio.get_running_loop().time()
        texts = [_text(query) for query in queries]
        answers = await self._ask_all({text for text in texts if isinstance(text, str)})
        self._follower.heard(_asked_for(queries, texts), answers, began)
        return [
            _sample(query, text if isinstance(text, AutoscalerError) else answers[text], tasks)
            for query, text in zip(queries, texts, strict=True)
        ]

    def on_news(self, tell: Tell) -> None:
        """Tell of services soon after Prometheus should have scraped them again."""
        self._follower.tell = tell

    async def past(self, query: Query, span: Span) -> Sequence[Sample]:
        """What a range query tells; values by task are not told, for those tasks are gone."""
        text = _text(query)
        if isinstance(text, AutoscalerError):
            raise text
        asked = cast("options.Options", query.options)
        if asked.per_task:
            raise Permanent("the tasks of the past are not known: ask for a sum over them")

        def work(server: Connection, seconds: float, call: Call) -> list[Answer]:
            reply = server.ask_range(text, span, seconds, call)
            return understand_range(reply, span, self._settings.max_series)

        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        answers = await self._first_good(work, deadline)
        return [judge(asked, answer, query.service.name, None) for answer in answers]

    async def close(self) -> None:
        """Give back connections and threads; queries in flight end; idempotent."""
        self._closed = True
        await self._follower.close()
        self._threads.shutdown(wait=False)
        for call in list(self._calls):
            call.end()
        self._servers.close()

    async def _ask_all(self, texts: Iterable[str]) -> Mapping[str, Answer | AutoscalerError]:
        """Each distinct query once, side by side, before one deadline."""
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        # Those whose turn did not come last time come first, lest it never does.
        ordered = sorted(texts, key=lambda text: (text not in self._missed, text))
        self._missed.clear()
        answers = await asyncio.gather(*(self._ask(text, deadline) for text in ordered))
        return dict(zip(ordered, answers, strict=True))

    async def _ask(self, text: str, deadline: float) -> Answer | AutoscalerError:
        try:
            # Not to the very end: a server that gets no time would be blamed for it.
            async with asyncio.timeout_at(deadline - self._settings.timeout / 10):
                await self._free.acquire()
        except TimeoutError:
            self._missed.add(text)
            return Temporary(f"its turn did not come within {self._settings.timeout:g} s")
        try:
            answer = await self._first_good(partial(self._answer, text), deadline)
        except AutoscalerError as error:
            return error
        finally:
            self._free.release()
        self._watch_clock(answer)
        return answer

    async def _ask_of_past(self, text: str, at: float) -> Answer | AutoscalerError:
        """As of a moment by the server's clock."""
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        try:
            async with asyncio.timeout_at(deadline), self._free:
                return await self._first_good(partial(self._answer, text, at=at), deadline)
        except TimeoutError:
            return Temporary("its turn did not come")
        except AutoscalerError as error:
            return error

    async def _first_good(self, work: Work[T], deadline: float) -> T:
        """Ask one server after the other; each gets its share of the time that is left."""
        loop = asyncio.get_running_loop()
        servers = self._servers.in_order(loop.time())
        errors: list[Temporary] = []
        for place, server in enumerate(servers):
            share = (deadline - loop.time()) / (len(servers) - place)
            try:
                answer = await self._attempt(server, work, share)
            except Temporary as error:
                self._servers.failed(server, loop.time(), str(error))
                errors.append(error)
            else:
                self._servers.worked(server)
                return answer
        raise errors[-1]

    async def _attempt(self, server: Connection, work: Work[T], seconds: float) -> T:
        """Ask in a thread. Whatever ends the wait ends the request, and frees the thread."""
        if self._closed:
            raise Temporary("the source is closed")
        call = Call()
        self._calls.add(call)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._threads, work, server, seconds, call)
        except RuntimeError as error:
            raise Temporary(f"no thread is to be had: {error}") from error
        except TimeoutError:
            raise Temporary(f"{server.name}: no answer within {seconds:.3g} s") from None
        finally:
            call.end()
            self._calls.discard(call)

    def _answer(
        self, text: str, server: Connection, seconds: float, call: Call, at: float | None = None
    ) -> Answer:
        """Runs in a thread, with the reading of the JSON."""
        asked = with_age(text)
        reply = server.ask(asked, seconds, call, at)
        try:
            return understand(reply, aged=asked != text, max_series=self._settings.max_series)
        except Temporary as error:
            raise Temporary(f"{server.name}: {error}") from error

    def _watch_clock(self, answer: Answer) -> None:
        """A clock that differs changes nothing here, but a person should know."""
        at = answer.series[0].at if answer.series else answer.date
        skew = 0.0 if at is None else at - self._clock()
        differs = abs(skew) > SKEW
        if differs and not self._skewed:
            log.warning("prometheus' clock differs from ours", seconds=round(skew, 1))
        self._skewed = differs


def _text(query: Query) -> str | AutoscalerError:
    """The query for its service, or why there is none."""
    if not isinstance(query.options, options.Options):
        return Permanent(f"{type(query.options).__name__} are not options of this source")
    try:
        return query.options.template.fill(service=query.service.name, stack=query.service.stack)
    except ValueError as error:
        return Permanent(str(error))


def _asked_for(
    queries: Sequence[Query], texts: Sequence[str | AutoscalerError]
) -> Mapping[str, Collection[str]]:
    """By text, the ids of the services that it is asked for."""
    services: dict[str, set[str]] = defaultdict(set)
    for query, text in zip(queries, texts, strict=True):
        if isinstance(text, str):
            services[text].add(query.service.id)
    return services


def _sample(
    query: Query, answer: Answer | AutoscalerError, tasks: Mapping[str, tuple[Task, ...]]
) -> Sample:
    if isinstance(answer, AutoscalerError):
        return Sample(quality=Quality.ERROR, detail=str(answer))
    known = tasks.get(query.service.id)
    ids = None if known is None else {task.id for task in known}
    asked = cast("options.Options", query.options)
    return judge(asked, answer, query.service.name, ids)
