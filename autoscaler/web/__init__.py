"""The web application: what the service tells over HTTP, and what it is told.

    access.py       who may ask for what; credentials.py, by what they show
    problems.py     errors in one form
    probes.py       /metrics, /healthz, /readyz
    api/            /api/v1
    alertmanager.py alerts, delivered to /api/v1/alertmanager or /webhook
    agents.py       /agents, and the stream that agents talk over
    tls.py          HTTPS and client certificates
    server.py       listening, limits, and a stop that never waits for long

More routes are more `aiohttp.web.RouteTableDef`s, added in `build`; each handler is marked with
whom it is for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aiohttp import web

from autoscaler.inbox import Inbox
from autoscaler.ports import Clock
from autoscaler.settings import Api
from autoscaler.telemetry import Telemetry
from autoscaler.web import agents, alertmanager, api, probes
from autoscaler.web.access import Access
from autoscaler.web.agents import Door
from autoscaler.web.api import Desk, Policies
from autoscaler.web.probes import Ready
from autoscaler.web.problems import problems
from autoscaler.web.server import serve
from autoscaler.web.tls import tls

__all__ = ["Desk", "Door", "Policies", "Site", "build", "serve", "tls"]

MOST_BODY = 1024 * 1024
"""Bytes of a request's body at most; a larger one is answered with 413."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the application is built from; what is None is not there."""

    telemetry: Telemetry
    ready: Ready
    """Whether passes can be made, and if not, what is missing."""
    api: Api = field(default_factory=Api)
    """Who may ask."""
    host: str = "127.0.0.1"
    """Where it listens."""
    door: Door | None = None
    """Lets agents in."""
    desk: Desk | None = None
    """What the API works on."""
    inbox: Inbox | None = None
    """Takes alerts."""
    clock: Clock = time.time


def build(site: Site) -> web.Application:
    """The application."""
    access = Access(site.api, site.telemetry, site.host)
    application = web.Application(
        client_max_size=MOST_BODY, middlewares=[problems(site.telemetry), access.middleware]
    )
    application.add_routes(probes.routes(site.telemetry, site.ready))
    if site.door is not None:
        application.add_routes(agents.routes(site.door))
    beside = []
    if site.inbox is not None:
        webhook = alertmanager.endpoint(site.inbox, site.clock)
        application.add_routes(alertmanager.routes(webhook))
        beside.append(webhook)
    if site.desk is not None:
        application.add_routes(api.routes(site.desk, beside=beside))
    return application
