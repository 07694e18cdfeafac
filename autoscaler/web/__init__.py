"""The web application: what the service tells over HTTP.

    probes.py    /metrics, /healthz, /readyz
    server.py    listening, limits, and a stop that never waits for long

More routes are more `aiohttp.web.RouteTableDef`s, added in `build`.
"""

from __future__ import annotations

from aiohttp import web

from autoscaler.telemetry import Telemetry
from autoscaler.web import probes
from autoscaler.web.probes import Ready
from autoscaler.web.server import serve

__all__ = ["build", "serve"]

MOST_BODY = 1024 * 1024
"""Bytes of a request's body at most; a larger one is answered with 413."""


def build(telemetry: Telemetry, ready: Ready) -> web.Application:
    """The application. `ready` says whether passes can be made, and if not, what is missing."""
    application = web.Application(client_max_size=MOST_BODY)
    application.add_routes(probes.routes(telemetry, ready))
    return application
