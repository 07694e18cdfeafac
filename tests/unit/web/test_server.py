"""How the server listens, refuses and stops."""

from __future__ import annotations

import asyncio
import io
import logging
import time

import aiohttp
import pytest
from aiohttp import web

from autoscaler.telemetry import Telemetry
from autoscaler.web import MOST_BODY, Site, build, serve
from autoscaler.web.access import public
from autoscaler.web.server import MOST_HEADERS, MOST_LINE

LOOPBACK = "127.0.0.1"


@pytest.fixture
def application() -> web.Application:
    """The application, extended as a later part of it would be."""
    application = build(Site(telemetry=Telemetry(), ready=lambda: (True, "ready")))
    application.add_routes([web.post("/echo", echo), web.get("/never", never)])
    return application


@public
async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@public
async def never(request: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    return web.Response()


async def test_it_gives_the_port_that_it_chose(application: web.Application) -> None:
    async with (
        serve(application, LOOPBACK, 0) as port,
        aiohttp.request("GET", f"http://{LOOPBACK}:{port}/readyz") as answer,
    ):
        assert await answer.text() == "ready\n"


async def test_a_port_in_use_is_an_error_at_once(application: web.Application) -> None:
    other = build(Site(telemetry=Telemetry(), ready=lambda: (True, "ready")))
    async with serve(application, LOOPBACK, 0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serve(other, LOOPBACK, port):
                pass


async def test_a_body_beyond_the_limit_is_refused(application: web.Application) -> None:
    async with serve(application, LOOPBACK, 0) as port, aiohttp.ClientSession() as session:
        url = f"http://{LOOPBACK}:{port}/echo"
        for size, status in ((MOST_BODY, 200), (MOST_BODY + 1, 413)):
            async with session.post(url, data=io.BytesIO(b"x" * size)) as answer:
                assert answer.status == status


@pytest.mark.parametrize(
    "headers",
    [{"X-Long": "x" * (MOST_LINE + 1)}, {f"X-{n}": "x" for n in range(MOST_HEADERS + 1)}],
    ids=["one too long", "too many"],
)
async def test_headers_beyond_the_limit_are_refused(
    application: web.Application, headers: dict[str, str]
) -> None:
    async with serve(application, LOOPBACK, 0) as port, aiohttp.ClientSession() as session:
        url = f"http://{LOOPBACK}:{port}/readyz"
        async with session.get(url, headers=headers) as answer:
            assert answer.status == 400


async def test_it_stops_though_clients_wait_for_ever(application: web.Application) -> None:
    async with aiohttp.ClientSession() as session:
        async with serve(application, LOOPBACK, 0) as port:
            waiting = asyncio.create_task(session.get(f"http://{LOOPBACK}:{port}/never"))
            _, half = await asyncio.open_connection(LOOPBACK, port)
            half.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
            _, silent = await asyncio.open_connection(LOOPBACK, port)
            await asyncio.sleep(0.05)
            leaving = time.perf_counter()
        # The library's own patience is a minute; ours is seconds, and a busy machine's.
        assert time.perf_counter() - leaving < 55.0
        with pytest.raises(aiohttp.ClientError):
            await waiting
        half.close()
        silent.close()


async def test_requests_leave_no_lines_in_the_log(
    application: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="aiohttp")
    async with (
        serve(application, LOOPBACK, 0) as port,
        aiohttp.request("GET", f"http://{LOOPBACK}:{port}/metrics") as answer,
    ):
        assert answer.status == 200
    assert caplog.messages == []
