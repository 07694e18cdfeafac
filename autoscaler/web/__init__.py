"""The web application: what the service tells over HTTP.

    probes.py    /metrics, /healthz, /readyz
    agents.py    /agents, and the stream that agents talk over
    server.py    listening, limits, and a stop that never waits for long

More routes are more `aiohttp.web.RouteTableDef`s, added in `build`.
"""

from __future__ import annotations

from aiohttp import web

from autoscaler.telemetry import Telemetry
from autoscaler.web import agents, probes
from autoscaler.web.agents import Door
from autoscaler.web.probes import Ready
from autoscaler.web.server import serve

__all__ = ["Door", "build", "serve"]

MOST_BODY = 1024 * 1024
"""Bytes of a request's body at most; a larger one is answered with 413."""


def build(telemetry: Telemetry, ready: Ready, door: Door | None = None) -> web.Application:
    """The application. `ready` says whether passes can be made, and if not, what is missing.

    `door` lets agents in.
    """
    application = web.Application(client_max_size=MOST_BODY)
    application.add_routes(probes.routes(telemetry, ready))
    if door is not None:
        application.add_routes(agents.routes(door))
    return application
