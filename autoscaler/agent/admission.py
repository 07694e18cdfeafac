"""Who comes through the gate: whoever shows one of its tokens.

The file is read at each request, so that tokens can be rotated; it may hold several.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from aiohttp import web

from autoscaler.errors import Permanent
from autoscaler.ports import Clock
from autoscaler.tokens import is_known, read_tokens

log = structlog.get_logger(__name__)

MINUTE = 60.0
MOST_PEERS = 1000
"""Strangers that are remembered, to log each of them once a minute only."""


@dataclass(slots=True)
class _Stranger:
    """Somebody who was turned away."""

    told_at: float = -math.inf
    """When the log last told of it; in monotonic seconds."""
    count: int = 0
    """How often since then."""


@dataclass
class Admission:
    """Lets in who shows a token, and tells of all others."""

    token_file: Path
    monotonic: Clock
    _strangers: dict[str, _Stranger] = field(default_factory=dict, init=False)

    async def admit(self, request: web.Request) -> None:
        """Raises HTTPUnauthorized for who does not show a token."""
        kind, _, shown = request.headers.get("Authorization", "").partition(" ")
        try:
            tokens = await asyncio.to_thread(read_tokens, self.token_file)
            reason = "it shows a wrong token" if shown else "it shows no token"
        except Permanent as error:
            tokens, reason = (), str(error)
        if kind.lower() != "bearer" or not is_known(shown.strip(), tokens):
            self._tell(request.remote or "somebody", reason)
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})

    def _tell(self, peer: str, reason: str) -> None:
        """Once a minute for each: whoever asks without end shall not fill the log."""
        now = self.monotonic()
        stranger = self._strangers.setdefault(peer, _Stranger())
        stranger.count += 1
        if now - stranger.told_at >= MINUTE:
            log.warning("not let in", who=peer, reason=reason, count=stranger.count)
            stranger.told_at, stranger.count = now, 0
        if len(self._strangers) > MOST_PEERS:
            self._strangers.pop(next(iter(self._strangers)))
