"""The door for agents: who shows a known token talks to the hub.

Without a token file nobody is let in, and the stream is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from autoscaler.agent.channel import SocketChannel
from autoscaler.agent.link import PATH
from autoscaler.agent.messages import LONGEST
from autoscaler.errors import Permanent
from autoscaler.hub import Hub
from autoscaler.settings import Scope
from autoscaler.telemetry import Telemetry
from autoscaler.tokens import is_known, read_tokens
from autoscaler.web.access import guards_itself, needs

PING_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where agents come in."""

    hub: Hub
    token_file: Path
    telemetry: Telemetry
    coverage: Callable[[], dict[str, Any]]
    """Which nodes have an agent, for `/agents`."""

    async def tokens(self) -> tuple[str, ...]:
        """The tokens that are accepted now: the file is read each time. Raises Permanent."""
        return await asyncio.to_thread(read_tokens, self.token_file)


def routes(door: Door) -> Sequence[web.RouteDef]:
    """The stream, and what is known of the agents."""
    rooms = _Rooms(door)
    return [web.get(PATH, rooms.stream), web.get("/agents", rooms.agents)]


class _Rooms:
    def __init__(self, door: Door) -> None:
        self._door = door

    @needs(Scope.READ, opened=True)
    async def agents(self, request: web.Request) -> web.Response:
        """Which nodes have an agent; tells no secrets."""
        return web.json_response(self._door.coverage(), headers={"Cache-Control": "no-store"})

    @guards_itself
    async def stream(self, request: web.Request) -> web.StreamResponse:
        """One agent's conversation."""
        try:
            tokens = await self._door.tokens()
        except Permanent as error:
            self._door.telemetry.agent_refused("token", _peer(request), str(error))
            raise web.HTTPNotFound from error
        if not is_known(_shown(request), tokens):
            self._door.telemetry.agent_refused("token", _peer(request), "it shows a wrong token")
            return web.Response(
                status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"}
            )
        socket = web.WebSocketResponse(heartbeat=PING_EVERY, max_msg_size=LONGEST, compress=False)
        await socket.prepare(request)
        await self._door.hub.attend(SocketChannel(socket), _peer(request))
        return socket


def _shown(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _peer(request: web.Request) -> str:
    return request.remote or "somebody"
