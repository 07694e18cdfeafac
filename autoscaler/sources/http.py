"""`http`: whether a page answers as it should; 1 where it does, 0 where it does not.

What does not answer for a reason that need not be its own (no address, no route, no connection
in time) is not known: perhaps the autoscaler is in none of its networks.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, field_validator

from autoscaler.durations import Duration
from autoscaler.model import Quality, Sample, Task, TaskState, TaskValue
from autoscaler.names import Names
from autoscaler.ports import Clock, Query
from autoscaler.strict import Strict

TASK, SERVICE = "$task", "$service"


class _Page(NamedTuple):
    """A page, and what it must say."""

    url: str
    status: tuple[int, ...]
    timeout: float


class _Reply(NamedTuple):
    """Whether a page is good; None where that is not known, with the reason."""

    good: bool | None
    detail: str


class HttpSource:
    """Answers 1 for a page with a good status and 0 for one without, for each task or as a whole.

    In a policy:

        source: http
        url: http://$task:8080/healthz
    """

    class Settings(Strict):
        """How much probing is borne; the same for every policy of the process."""

        timeout: Annotated[Duration, Field(gt=0, le=120)] = 5.0
        """Bounds one read of all queries."""
        concurrency: Annotated[int, Field(ge=1, le=1000)] = 50
        """Requests in flight at a time; further ones wait."""

    class Options(Strict):
        """A page that is well or not."""

        url: Annotated[str, Field(max_length=2000)]
        """`$task` in place of the host stands for the address of each task, which then has a
        value of its own; `$service` for the name of the service."""
        status: Annotated[tuple[int, ...], Field(max_length=50)] = ()
        """The statuses that are good; unless stated, those from 200 to 399."""
        timeout: Annotated[Duration, Field(gt=0, le=60)] = 1.0
        """A page that has not answered so long after it was asked is not good."""

        @field_validator("url")
        @classmethod
        def _is_http(cls, url: str) -> str:
            parts = urlsplit(url.replace(TASK, "127.0.0.1").replace(SERVICE, "service"))
            if parts.scheme not in ("http", "https") or not parts.hostname or "$" in parts.netloc:
                raise ValueError("not of the form http(s)://host[:port]/path")
            if not url.isprintable() or " " in url or parts.port == 0:
                raise ValueError("no URL has blanks, nor a port 0")
            if url.count(TASK) and urlsplit(url).netloc.partition(":")[0] != TASK:
                raise ValueError(f"{TASK} stands in place of the host")
            return url

    def __init__(
        self, settings: Settings, clock: Clock = time.time, names: Names | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._names = names or Names()
        self._free = asyncio.Semaphore(settings.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order; takes no longer than the timeout of the settings."""
        asked = [self._pages(query, tasks.get(query.service.id)) for query in queries]
        every = {page for pages in asked for ways in pages.values() for page in ways}
        until = asyncio.get_running_loop().time() + 0.9 * self._settings.timeout
        replies = await asyncio.gather(*(self._ask(page, until) for page in every))
        known = dict(zip(every, replies, strict=True))
        return [
            self._sample(query, {key: _best(known[way] for way in ways) for key, ways in p.items()})
            for query, p in zip(queries, asked, strict=True)
        ]

    async def close(self) -> None:
        """Give back the connections; idempotent."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _pages(self, query: Query, tasks: Sequence[Task] | None) -> Mapping[str, Sequence[_Page]]:
        """The ways to each task's page, by its id; or that to the only one, by nothing."""
        options = query.options
        if not isinstance(options, self.Options):
            return {}
        url = options.url.replace(SERVICE, query.service.name)
        hosts = {"": ("",)} if TASK not in url else _addresses(tasks or ())
        return {
            key: [_Page(url.replace(TASK, host), options.status, options.timeout) for host in found]
            for key, found in hosts.items()
        }

    async def _ask(self, page: _Page, until: float) -> _Reply:
        """Ask for a page; never raises for what it answers."""
        try:
            async with asyncio.timeout_at(until), self._free, asyncio.timeout(2 * page.timeout):
                return await self._get(page)
        except TimeoutError:
            return _Reply(None, "no connection in time")
        except aiohttp.ClientSSLError as error:
            return _Reply(None, str(error))
        except aiohttp.ClientConnectorError as error:
            refused = error.os_error.errno == errno.ECONNREFUSED
            return _Reply(False if refused else None, str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # It was connected, and what came was no answer.
            return _Reply(False, str(error) or repr(error))

    async def _get(self, page: _Page) -> _Reply:
        if self._closed:
            return _Reply(None, "the source is closed")
        if self._session is None:
            self._session = _session(self._names)
        wait = aiohttp.ClientTimeout(sock_connect=page.timeout, sock_read=page.timeout)
        try:
            async with self._session.get(page.url, allow_redirects=False, timeout=wait) as answer:
                good = _is_good(answer.status, page.status)
                return _Reply(good, f"HTTP {answer.status}")
        except aiohttp.ConnectionTimeoutError:
            return _Reply(None, f"no connection within {page.timeout:g} s")
        except aiohttp.SocketTimeoutError:
            return _Reply(False, f"no answer within {page.timeout:g} s")

    def _sample(self, query: Query, replies: Mapping[str, _Reply]) -> Sample:
        if not isinstance(query.options, self.Options):
            told = f"{type(query.options).__name__} are not options of this source"
            return Sample(quality=Quality.ERROR, detail=told)
        if not replies:
            return Sample(quality=Quality.NO_DATA, detail="no task of it is known to run")
        unknown = [reply.detail for reply in replies.values() if reply.good is None]
        if len(unknown) == len(replies):
            return Sample(quality=Quality.ERROR, detail=unknown[0])
        at, told = self._clock(), _told([*replies.values()])
        values = {key: _value(reply.good, at) for key, reply in replies.items()}
        if TASK not in query.options.url:
            return Sample(quality=Quality.VALUE, value=values[""].value, at=at, detail=told)
        return Sample(quality=Quality.VALUE, tasks=values, at=at, detail=told)


def _told(replies: Sequence[_Reply]) -> str:
    """How many are good, and what is wrong with the first that is not."""
    bad = [reply.detail for reply in replies if not reply.good]
    return "; ".join([f"{len(replies) - len(bad)} of {len(replies)} good", *bad[:1]])


def _value(good: bool | None, at: float) -> TaskValue:
    return TaskValue(value=None if good is None else float(good), at=at)


def _best(replies: Iterable[_Reply]) -> _Reply:
    """Of several ways to one page the one that says most: good, else bad, else not known."""
    nobody = _Reply(None, "it has no address of its own")
    says = {True: 2, False: 1, None: 0}
    return max(replies, key=lambda reply: says[reply.good], default=nobody)


def _addresses(tasks: Iterable[Task]) -> Mapping[str, Sequence[str]]:
    """Where the tasks that run are reached, as hosts of a URL."""
    return {
        task.id: [f"[{one}]" if ":" in one else one for one in task.addresses]
        for task in tasks
        if task.wanted and task.state is TaskState.RUNNING
    }


def _is_good(status: int, wanted: Sequence[int]) -> bool:
    return status in wanted if wanted else 200 <= status < 400


def _session(names: Names) -> aiohttp.ClientSession:
    # Each look is a new connection: one that is kept says nothing of new ones.
    connector = aiohttp.TCPConnector(limit=0, resolver=names, use_dns_cache=False, force_close=True)
    return aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": "autoscaler"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )
