"""What watches the watcher: metrics, liveness, readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from autoscaler.settings import Scope
from autoscaler.telemetry import Telemetry
from autoscaler.web.access import needs, public

Ready = Callable[[], tuple[bool, str]]

LONGEST_TURN = 5.0
"""Seconds that a turn of the event loop may take before the process counts as stuck."""

_FRESH = {"Cache-Control": "no-store"}


def routes(telemetry: Telemetry, ready: Ready) -> Sequence[web.RouteDef]:
    """They tell no secrets and change nothing; metrics are for who may read."""
    probes = _Probes(telemetry, ready)
    return [
        web.get("/metrics", probes.metrics),
        web.get("/healthz", probes.alive),
        web.get("/readyz", probes.ready),
    ]


class _Probes:
    def __init__(self, telemetry: Telemetry, ready: Ready) -> None:
        self._telemetry = telemetry
        self._ready = ready
        self._rendering = asyncio.Lock()

    @needs(Scope.READ, opened=True)
    async def metrics(self, request: web.Request) -> web.Response:
        """One scrape at a time, in a thread: a large page would hold up the loop."""
        async with self._rendering:
            page = await asyncio.to_thread(self._telemetry.render)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    @public
    async def alive(self, request: web.Request) -> web.Response:
        """200 when the event loop turns in good time. A stuck one cannot answer at all."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.sleep(0)
        took = loop.time() - started
        return _answer(took <= LONGEST_TURN, f"the event loop took {took:.3f} s for a turn")

    @public
    async def ready(self, request: web.Request) -> web.Response:
        """200 when passes can be made; otherwise 503, and what is missing."""
        return _answer(*self._ready())


def _answer(good: bool, text: str) -> web.Response:
    return web.Response(status=200 if good else 503, text=f"{text}\n", headers=_FRESH)
