"""Listening for requests, within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web

MOST_LINE = 8 * 1024
"""Bytes of a request's first line at most, and of each header."""
MOST_HEADERS = 64
KEPT_ALIVE = 75.0
"""Seconds that an idle connection is kept open."""
STOP_TIME = 0.3
"""Seconds that requests under way are given to end, and again when they are cancelled."""


@asynccontextmanager
async def serve(
    application: web.Application, host: str, port: int, tls: SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on `host` (a name or an address) until left; gives the port, chosen if 0.

    Leaving takes less than a second, whatever clients do. Raises OSError when the address
    cannot be had.
    """
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,  # a small packed body can grow without bound
        keepalive_timeout=KEPT_ALIVE,
        lingering_time=STOP_TIME,
        max_field_size=MOST_LINE,
        max_headers=MOST_HEADERS,
        max_line_size=MOST_LINE,
        shutdown_timeout=STOP_TIME,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
