"""Alertmanager's webhook, version 4.

    authenticate → limit the size → parse → store → answer → wake

The answer tells what became of each alert, and comes before anything is done about it. 503 says
that nothing was stored: Alertmanager tries again. It also tries again after any other 5xx, so
what is wrong with a document is never one of those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from autoscaler.addresses import shown
from autoscaler.alertmanager import Delivery, Document, read_webhook
from autoscaler.errors import AutoscalerError, Invalid
from autoscaler.inbox import Inbox
from autoscaler.model import Receipt, Reception
from autoscaler.ports import Clock
from autoscaler.settings import Scope
from autoscaler.web.access import needs
from autoscaler.web.api.endpoint import BASE, Answer, Endpoint
from autoscaler.web.bodies import Bodies
from autoscaler.web.problems import TRY_AGAIN, Problem

PATHS = ("/api/v1/alertmanager", "/webhook")
LARGEST = 16 * 1024 * 1024
"""Bytes of a document: 10,000 alerts with many labels and long annotations."""
TOGETHER = 64 * 1024 * 1024
"""Bytes of all documents that are being read at a time."""
WITHIN = 10.0
"""Seconds in which a document must have come."""
SMALL = 64 * 1024
"""Bytes of a document that is read at once; a larger one in a thread."""


class Ignored(Answer):
    """An alert of which nothing is kept."""

    fingerprint: str
    reason: str


class Received(Answer):
    """What became of the alerts of a document, by their fingerprints."""

    accepted: list[str]
    duplicate: list[str]
    """Told before."""
    ignored: list[Ignored]
    truncated: int
    """Alerts that were left out of the document."""


def endpoint(inbox: Inbox, clock: Clock) -> Endpoint:
    """The webhook."""
    return Endpoint(
        path=PATHS[0].removeprefix(BASE),
        summary="Deliver alerts, as Alertmanager's webhook does",
        respond=_Webhook(inbox, clock).receive,
        scope=Scope.ALERTS,
        method="POST",
        body=TypeAdapter(Document),
        answer=Received,
    )


def routes(webhook: Endpoint) -> Sequence[web.RouteDef]:
    """It under both its names."""
    return [web.post(path, webhook.respond) for path in PATHS]


class _Webhook:
    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._bodies = Bodies(LARGEST, TOGETHER, WITHIN)

    @needs(Scope.ALERTS)
    async def receive(self, request: web.Request) -> web.Response:
        """What became of each alert."""
        _check_form(request)
        async with self._bodies.of(request) as body:
            delivery = await self._read(body)
            try:
                receptions = await self._inbox.take(delivery.alerts)
            except AutoscalerError as error:
                after = {"Retry-After": str(ceil(TRY_AGAIN))}
                told = f"not stored: {shown(str(error))}"
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, told, after) from error
        self._inbox.unusable([each.reason for each in delivery.unusable])
        return web.json_response(_told(delivery, receptions))

    async def _read(self, body: bytearray) -> Delivery:
        try:
            if len(body) <= SMALL:
                return read_webhook(body, self._clock())
            return await asyncio.to_thread(read_webhook, body, self._clock())
        except Invalid as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error


def _check_form(request: web.Request) -> None:
    """Packed bodies are refused: a small one can grow without bound."""
    packed = request.headers.get("Content-Encoding", "identity")
    if request.content_type != "application/json" or packed != "identity":
        told = "send application/json, not packed"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told, {"Connection": "close"})


def _told(delivery: Delivery, receptions: Sequence[Reception]) -> dict[str, Any]:
    named = {
        receipt.value: [each.fingerprint for each in receptions if each.receipt is receipt]
        for receipt in (Receipt.ACCEPTED, Receipt.DUPLICATE)
    }
    ignored = [
        {"fingerprint": each.fingerprint, "reason": each.reason}
        for each in receptions
        if each.receipt is Receipt.IGNORED
    ]
    unusable = [
        {"fingerprint": each.fingerprint, "reason": each.reason} for each in delivery.unusable
    ]
    return {**named, "ignored": ignored + unusable, "truncated": delivery.truncated}
