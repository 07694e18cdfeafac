"""The engine's API on a unix socket: versions in paths, errors in its words, faults."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from autoscaler.testing.engine import faults
from autoscaler.testing.engine.faults import Faults, Request, matches
from autoscaler.testing.engine.handlers import Handlers
from autoscaler.testing.engine.refusal import Refusal
from autoscaler.testing.network import Network

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SWARM = re.compile(r"^/(services|tasks|nodes|configs)\b")
_REMEMBERED = 10_000
_URL_BYTES = 1_000_000
_BODY_BYTES = 16 * 1024 * 1024
HOST = "engine"
"""Its name in a network."""


class EngineServer:
    """Serves handlers at `path`, or as `engine` in a network; does what the faults say."""

    def __init__(self, handlers: Handlers, path: Path, network: Network | None = None) -> None:
        self._handlers = handlers
        self._path = path
        self._network = network
        self._runner: web.AppRunner | None = None
        self.faults = Faults()
        self.api = "1.41"
        """The newest API version that the engine speaks."""
        self.oldest_api = "1.12"
        self.requests: deque[Request] = deque(maxlen=_REMEMBERED)
        """The newest requests, event streams included."""

    async def start(self) -> None:
        """Listen."""
        application = web.Application(middlewares=[self._entry], client_max_size=_BODY_BYTES)
        application.add_routes(self._handlers.routes())
        application.on_response_prepare.append(self._name_api)
        self._runner = web.AppRunner(
            application,
            # A client that left is not served any further: a hanging request ends with it.
            handler_cancellation=True,
            shutdown_timeout=0.0,
            max_line_size=_URL_BYTES,
            access_log=None,
        )
        await self._runner.setup()
        if self._network is not None:
            self._network.listen(HOST, self._runner)
        else:
            await web.UnixSite(self._runner, self._path).start()

    async def listen_tcp(self, tls: ssl.SSLContext | None) -> int:
        """Listen on a port of 127.0.0.1 too."""
        assert self._runner is not None
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        return int(self._runner.addresses[-1][1])

    async def stop(self) -> None:
        """Stop listening and close all connections: new ones are refused."""
        runner, self._runner = self._runner, None
        if self._network is not None:
            self._network.close(HOST)
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _entry(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        seen = await _seen(request)
        self.requests.append(seen)
        if self.faults.before is not None:
            await self.faults.before(seen)
        if matches(self.faults.hang, seen):
            await asyncio.Event().wait()
        if matches(self.faults.drop, seen):
            return _hang_up(request)
        answer = await self._answer(seen, request, handler)
        if matches(self.faults.lose_answer, seen):
            return _hang_up(request)
        spoil = self.faults.spoiling(seen)
        if spoil is not None and isinstance(answer, web.Response):
            return await spoil(request, answer)
        return answer

    async def _answer(
        self, seen: Request, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        canned = self.faults.canned(seen)
        if canned is not None:
            return web.Response(
                status=canned.status, text=canned.body, content_type=canned.content_type
            )
        try:
            self._check(seen)
            answer = await handler(request)
            if self.faults.lost_leader and seen.method != "GET":
                raise Refusal(500, faults.LOST_LEADER)
        except web.HTTPNotFound:
            return _refused(Refusal(404, "page not found"))
        except Refusal as refusal:
            return _refused(refusal)
        return answer

    def _check(self, seen: Request) -> None:
        """What is refused whatever is asked for."""
        if seen.api and _numbers(seen.api) > _numbers(self.api):
            text = f"is too new. Maximum supported API version is {self.api}"
            raise Refusal(400, f"client version {seen.api} {text}")
        if seen.api and _numbers(seen.api) < _numbers(self.oldest_api):
            text = (
                f"client version {seen.api} is too old. Minimum supported API version is "
                f"{self.oldest_api}, please upgrade your client to a newer version"
            )
            raise Refusal(400, text, plain=True)
        if not _SWARM.match(seen.path):
            return
        if self.faults.not_a_manager:
            raise Refusal(503, faults.NOT_A_MANAGER)
        if self.faults.no_leader:
            raise Refusal(500, faults.NO_LEADER)

    async def _name_api(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Api-Version"] = self.api


async def _seen(request: web.Request) -> Request:
    api = request.match_info.get("api", "")
    return Request(
        method=request.method,
        path=request.path.removeprefix(f"/v{api}") if api else request.path,
        api=api,
        query=dict(request.query),
        headers=dict(request.headers),
        body=await request.read(),
    )


def _refused(refusal: Refusal) -> web.Response:
    if refusal.plain:
        return web.Response(status=refusal.status, text=refusal.message)
    return web.json_response({"message": refusal.message}, status=refusal.status)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
