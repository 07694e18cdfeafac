"""A `/metrics` page that says what the test says, over real HTTP on the loopback.

async with MetricsPage() as page:
    page.lines = {"queue_length": 3, 'requests_total{code="200"}': 10}
    ...
    page.fault = PAGE_FAULTS["hang"]
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

PageFault = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
"""Answers in the place of the page; is given the good one, which it may spoil."""


class MetricsPage:
    """An HTTP server with one page at every path."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.address = address
        self.port = port
        self.lines: dict[str, float | str] = {}
        """Values by series, as they stand on the page."""
        self.fault: PageFault | None = None
        self.requests: list[web.Request] = []
        self.on_request: Callable[[], Awaitable[None]] | None = None
        """Called before each answer."""
        self._transports: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Stays the same when the server stops and starts again."""
        return f"http://{self.address}:{self.port}/metrics"

    @property
    def body(self) -> bytes:
        """The page, with comments as client libraries write them."""
        lines = [f"{series} {value}\n" for series, value in self.lines.items()]
        return ("# HELP up About.\n# TYPE up gauge\nup 1\n" + "".join(lines)).encode()

    async def start(self) -> None:
        """Listen, on the port that it had before."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._show)
        self._runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=0.0, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, self.port, reuse_address=True).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Refuse connections; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

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

    async def _show(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.transport is not None:
            self._transports.add(request.transport)
        if self.on_request is not None:
            await self.on_request()
        if self.fault is not None:
            return await self.fault(request, self.body)
        return web.Response(body=self.body, content_type="text/plain", charset="utf-8")


def _spoilt(
    spoil: Callable[[bytes], bytes], content_type: str = "text/plain", **headers: str
) -> PageFault:
    async def answer(_request: web.Request, good: bytes) -> web.StreamResponse:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.Response(body=spoil(good), content_type=content_type, headers=named)

    return answer


def _status(status: int, **headers: str) -> PageFault:
    async def answer(_request: web.Request, good: bytes) -> web.StreamResponse:
        return web.Response(status=status, body=good, content_type="text/plain", headers=headers)

    return answer


def _raw(data: Callable[[bytes], bytes], *, then: str = "close") -> PageFault:
    """Bytes instead of HTTP; then `hang`, `close`, or go on dripping with `drip`."""

    async def answer(request: web.Request, good: bytes) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return web.Response()
        transport.write(data(good))
        while then == "drip":
            await asyncio.sleep(0.05)
            transport.write(b"a 1\n")
        if then == "hang":
            await asyncio.Event().wait()
        transport.close()
        return web.Response()

    return answer


async def _endless(request: web.Request, good: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    while True:
        await response.write(good)
        await response.write(b"# more\n" * 10_000)


def _value(text: bytes) -> PageFault:
    return _spoilt(lambda good: good.replace(b" 7\n", b" " + text + b"\n"))


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_HTML = b"<html><body><h1>Log in</h1></body></html>"

PAGE_FAULTS: Mapping[str, PageFault] = {
    **{f"http {status}": _status(status) for status in (204, 206, 400, 401, 403, 404, 500, 503)},
    "redirect": _status(302, Location="/elsewhere"),
    "login page": _spoilt(lambda _: _HTML, "text/html"),
    "login page as text": _spoilt(lambda _: _HTML),
    "json": _spoilt(lambda _: b'{"a": 7}', "application/json"),
    "openmetrics": _spoilt(lambda good: good + b"# EOF\n", "application/openmetrics-text"),
    "protobuf": _spoilt(lambda good: good, "application/vnd.google.protobuf"),
    "packed": _spoilt(gzip.compress, Content_Encoding="gzip"),
    "packed bomb": _spoilt(
        lambda _: gzip.compress(b" " * 2**26, compresslevel=1), Content_Encoding="gzip"
    ),
    "packed, and silent about it": _spoilt(gzip.compress),
    "nothing": _spoilt(lambda _: b""),
    "blank": _spoilt(lambda _: b"\n\n \n"),
    "noise": _spoilt(lambda _: bytes(range(256))),
    "not text": _spoilt(lambda good: good.replace(b'b="c"', b'b="\xff"')),
    "huge": _spoilt(lambda good: good + b"# padding\n" * 500_000),
    "endless": _endless,
    "a line without end": _spoilt(lambda good: good.replace(b"c", b"c" * 100_000)),
    "the series twice": _spoilt(lambda good: good + good),
    "far too many series": _spoilt(
        lambda _: b"".join(b'wanted{b="c",n="%d"} 1\n' % n for n in range(20_000))
    ),
    "no such series": _spoilt(lambda good: good.replace(b"wanted", b"other")),
    "no such labels": _spoilt(lambda good: good.replace(b'b="c"', b'b="d"')),
    "labels not closed": _spoilt(lambda good: good.replace(b"}", b"")),
    "labels not quoted": _spoilt(lambda good: good.replace(b'"', b"")),
    "a label twice": _spoilt(lambda good: good.replace(b'b="c"', b'b="c",b="c"')),
    "hang": _raw(lambda _: b"", then="hang"),
    "hang in the headers": _raw(lambda _: _HEAD, then="hang"),
    "hang in the body": _raw(
        lambda good: _HEAD + b"Content-Length: 500\r\n\r\n" + good, then="hang"
    ),
    "dripping body": _raw(lambda _: _HEAD + b"Connection: close\r\n\r\n", then="drip"),
    "half a body": _raw(lambda good: _HEAD + b"Content-Length: 500\r\n\r\n" + good),
    "cut in a line": _raw(lambda good: _HEAD + b"Connection: close\r\n\r\n" + good[:-1]),
    "closed at once": _raw(lambda _: b""),
    "not HTTP": _raw(lambda _: b"SSH-2.0-OpenSSH_9.2\r\n"),
    "too many headers": _raw(lambda _: _HEAD + b"X: 1\r\n" * 500 + b"\r\nwanted 7\n"),
    "impossible length": _raw(lambda _: _HEAD + b"Content-Length: -5\r\n\r\nwanted 7\n"),
    "NaN": _value(b"NaN"),
    "+Inf": _value(b"+Inf"),
    "-Inf": _value(b"-Inf"),
    "overflow": _value(b"1e999"),
    "400 digits": _value(b"9" * 400),
    "5000 digits": _value(b"9" * 5000),
    "no value": _value(b""),
    "words": _value(b"many"),
    "underscores": _value(b"7_000"),
    "hexadecimal": _value(b"0x10"),
    "other digits": _value("\u0665".encode()),
    "two values": _value(b"7 8 9"),
    "an exemplar": _value(b'7 # {trace="x"} 1'),
    "an hour old": _value(b"7 1"),
    "a date that is none": _value(b"7 today"),
}
"""By a name that says what happens. The series is `wanted{b="c"} 7`."""
