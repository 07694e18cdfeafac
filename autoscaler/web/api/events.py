"""What happens, as it happens, as server-sent events.

Who listens is told from now on, or, by `Last-Event-ID`, from what is still known after that
event. Nothing waits for who reads slowly: when too much is left unread the connection is closed,
and the browser comes back.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from http import HTTPStatus

from aiohttp import web
from pydantic import TypeAdapter

from autoscaler.happenings import Happenings
from autoscaler.model import Happening
from autoscaler.redaction import redacted
from autoscaler.settings import Scope
from autoscaler.web.access import needs
from autoscaler.web.api.endpoint import BASE, Answer, Endpoint
from autoscaler.web.problems import Problem

MOST_LISTENERS = 32
MOST_KEPT = 256
"""Events that are still known to who comes back."""
MOST_UNREAD = 256
BEAT = 15.0
"""Seconds without an event after which a line says that the connection is there."""

_adapter = TypeAdapter(Happening)


class Event(Answer):
    """The data of an event, as JSON; its `event:` is the kind."""

    happening: Happening
    decision: str | None
    """Where the decision behind it is told in full."""


class Events:
    """All who listen, and what was told lately."""

    def __init__(self, happenings: Happenings) -> None:
        happenings.subscribe(self._hear)
        self._boot = secrets.token_hex(4)
        self._count = 0
        self._lately: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT)
        self._listeners: dict[asyncio.Queue[bytes], web.Request] = {}

    def endpoint(self) -> Endpoint:
        """The stream."""
        return Endpoint(
            path="/events",
            summary="What happens, as it happens; each event's data is an Event",
            respond=self.stream,
            scope=Scope.READ,
            answer=Event,
            media="text/event-stream",
        )

    @needs(Scope.READ)
    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Until the client goes, or falls behind."""
        if len(self._listeners) >= MOST_LISTENERS:
            told, after = "too many listen already", {"Retry-After": "5"}
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, told, after)
        queue: asyncio.Queue[bytes] = asyncio.Queue(MOST_UNREAD + MOST_KEPT)
        for event in self._missed(request.headers.get("Last-Event-ID", "")):
            queue.put_nowait(event)
        self._listeners[queue] = request
        try:
            return await _send(request, queue)
        finally:
            del self._listeners[queue]

    def _missed(self, last: str) -> list[bytes]:
        """What came after an event of this process; nothing where it is not known."""
        boot, _, number = last.partition("-")
        if boot != self._boot or not (number.isascii() and number.isdecimal()):
            return []
        return [event for count, event in self._lately if count > int(number[:18])]

    def _hear(self, happening: Happening) -> None:
        self._count += 1
        event = _event(f"{self._boot}-{self._count}", happening)
        self._lately.append((self._count, event))
        for queue, request in list(self._listeners.items()):
            if queue.qsize() >= MOST_UNREAD:
                _drop(request)
            else:
                queue.put_nowait(event)


async def _send(request: web.Request, queue: asyncio.Queue[bytes]) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(b": listening\n\n")
    while True:
        try:
            async with asyncio.timeout(BEAT):
                event = await queue.get()
        except TimeoutError:
            event = b": still here\n\n"
        try:
            await response.write(event)
        except ConnectionError:
            return response


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _event(number: str, happening: Happening) -> bytes:
    told = json.loads(_adapter.dump_json(happening))
    href = None
    if happening.service and happening.decided_at is not None:
        href = f"{BASE}/services/{happening.service}/decisions/{happening.decided_at!r}"
    data = json.dumps({"happening": redacted(told), "decision": href})
    return f"id: {number}\nevent: {happening.kind.value}\ndata: {data}\n\n".encode()
