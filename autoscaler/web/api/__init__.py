"""The API under /api/v1: what is known, what was decided and why, and orders by hand.

desk.py       what it works on
endpoint.py   a route with what it takes and answers; openapi.py makes the document of them
paging.py     lists in parts
services.py, decisions.py, policies.py, orders.py, plan.py, alerts.py, loop.py, events.py
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from autoscaler.web.api import alerts, decisions, loop, orders, plan, policies, services
from autoscaler.web.api.desk import Desk, Policies
from autoscaler.web.api.endpoint import Endpoint
from autoscaler.web.api.events import Events
from autoscaler.web.api.openapi import document_of

__all__ = ["Desk", "Policies", "endpoints", "routes"]


def endpoints(desk: Desk, *, beside: Sequence[Endpoint] = ()) -> Sequence[Endpoint]:
    """All of them; `beside` are others' own, which the document describes too."""
    tables = (services, decisions, policies, orders, plan, alerts, loop)
    found = [each for table in tables for each in table.endpoints(desk)]
    found.append(Events(desk.happenings).endpoint())
    return [*found, document_of([*found, *beside], desk.version)]


def routes(desk: Desk, *, beside: Sequence[Endpoint] = ()) -> Sequence[web.RouteDef]:
    """Their routes."""
    return [each.route() for each in endpoints(desk, beside=beside)]
