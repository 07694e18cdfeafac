"""Who was refused: all are counted, and now and then one is told of."""

from __future__ import annotations

import asyncio

import structlog

from autoscaler.telemetry import Telemetry

PAUSE = 60.0
"""Seconds between two lines for the same reason."""


class Refusals:
    """Those of one application."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("autoscaler")
        self._told: dict[str, float] = {}

    def tell(self, reason: str, who: str, place: str, detail: str) -> None:
        """A request was refused for who made it."""
        self._telemetry.request_refused(reason)
        now = asyncio.get_running_loop().time()
        if now - self._told.get(reason, -PAUSE) >= PAUSE:
            self._told[reason] = now
            self._log.warning("request refused", who=who, reason=reason, at=place, detail=detail)

    def nobody_known(self, detail: str) -> None:
        """Nobody can show who they are; what follows from it."""
        self._log.info("no credentials", detail=detail)
