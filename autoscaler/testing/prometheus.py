"""A Prometheus that says what the test says, over real HTTP on the loopback.

    async with FakePrometheus() as fake:
        fake.say('up{job="web"}', 3)
        fake.say("sum by (service) (rps)", [Point(12, {"service": "shop_web"}, age=2)])
        ...
        fake.fault = FAULTS["hang"]

The faults are in `prometheus_faults.py`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from autoscaler.ports import Clock

_AGE = "\nor label_replace("
"""Begins what the source adds to a query in order to learn the age of its samples."""


@dataclass(frozen=True)
class Point:
    """A series of an answer."""

    value: float | str
    labels: Mapping[str, str] = field(default_factory=dict)
    age: float = 0.0
    """Seconds since the sample was taken."""


@dataclass(frozen=True)
class Raw:
    """An answer's `data`, word for word: for scalars, matrices and nonsense."""

    data: Any


@dataclass(frozen=True)
class Refusal:
    """An error as Prometheus words it: 400 `bad_data`, 422 `execution`, 503 `timeout`."""

    status: int
    kind: str
    text: str


Said = float | Sequence[Point] | Raw | Refusal
Fault = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
"""Answers in the place of the server; is given the good answer, which it may spoil."""


class FakePrometheus:
    """An HTTP server with `/api/v1/query`. A query it was not told of has no series."""

    def __init__(self, clock: Clock = time.time, tls: ssl.SSLContext | None = None) -> None:
        self.clock = clock
        self._tls = tls
        self.fault: Fault | None = None
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.asked: list[str] = []
        """The queries, one for each request, without what asks for their age."""
        self.requests: list[Mapping[str, Any]] = []
        """Method, headers, fields and the client's port of each request."""
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight = 0
        self._said: dict[str, Said | Callable[[], Said]] = {}
        self._asked = asyncio.Condition()
        # Not closed politely: a TLS client that is gone would be waited for.
        self._transports: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None
        self._port = 0

    def say(self, query: str, said: Said | Callable[[], Said]) -> None:
        """Set the answer to exactly this query; a function is called at each request."""
        self._said[query] = said

    @property
    def url(self) -> str:
        """The base URL; stays the same when the server stops and starts again."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def asked_at_least(self, count: int) -> None:
        """Wait until this many requests have come."""
        async with self._asked:
            await self._asked.wait_for(lambda: len(self.asked) >= count)

    async def start(self) -> None:
        """Listen, on the port that it had before."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self._port, ssl_context=self._tls, reuse_address=True
        )
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Refuse connections; idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fields = {**request.query, **await request.post()}
        whole = str(fields.get("query", ""))
        query, _, age = whole.partition(_AGE)
        self.asked.append(query)
        if request.transport is not None:
            self._transports.add(request.transport)
        self.requests.append(
            {
                "method": request.method,
                "headers": dict(request.headers),
                "port": request.transport and request.transport.get_extra_info("peername")[1],
                **fields,
            }
        )
        async with self._asked:
            self._asked.notify_all()
        self.in_flight[query] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight.total())
        try:
            return await self._answer(request, query, aged=bool(age))
        finally:
            self.in_flight[query] -= 1

    async def _answer(self, request: web.Request, query: str, *, aged: bool) -> web.StreamResponse:
        said = self._said.get(query, ())
        said = said() if callable(said) else said
        if isinstance(said, Refusal):
            refused = {"status": "error", "errorType": said.kind, "error": said.text}
            return web.json_response(refused, status=said.status)
        good = self._envelope(said, aged=aged)
        if self.fault is not None:
            return await self.fault(request, good)
        return web.json_response(good)

    def _envelope(self, said: float | Sequence[Point] | Raw, *, aged: bool) -> dict[str, Any]:
        envelope: dict[str, Any] = {"status": "success", "data": self._data(said, aged=aged)}
        if self.warnings:
            envelope["warnings"] = self.warnings
        if self.infos:
            envelope["infos"] = self.infos
        return envelope

    def _data(self, said: float | Sequence[Point] | Raw, *, aged: bool) -> Any:
        if isinstance(said, Raw):
            return said.data
        points = [Point(said)] if isinstance(said, (int, float)) else said
        now = round(self.clock(), 3)
        result = [_series(point.labels, point.value, now) for point in points]
        if aged:
            result += [_age_of(point, now) for point in points]
        return {"resultType": "vector", "result": result}


def _age_of(point: Point, now: float) -> dict[str, Any]:
    labels = {name: text for name, text in point.labels.items() if name != "__name__"}
    return _series({**labels, "__measured__": "1"}, round(now - point.age, 3), now)


def _series(labels: Mapping[str, str], value: float | str, now: float) -> dict[str, Any]:
    return {"metric": dict(labels), "value": [now, as_text(value)]}


def as_text(value: float | str) -> str:
    """A value as Prometheus writes it."""
    special = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}
    return value if isinstance(value, str) else special.get(repr(float(value)), repr(value))
