"""Which of several equal servers is asked.

The one that answered last is asked again; when it fails the others are, in order. One that
failed comes last for a while, so that it costs no time as long as another works.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from autoscaler.sources.prometheus.connection import Connection

REST = 30.0
"""Seconds for which a server that failed comes after the others."""

log = structlog.get_logger(__name__)


class Servers:
    """The connections, and how they fared. Used from the event loop only."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = list(connections)
        self._rests_until: dict[Connection, float] = {}

    def in_order(self, now: float) -> list[Connection]:
        """Those to try at `now` (seconds of a clock that only goes forward), best first."""
        return sorted(self._connections, key=lambda one: self._rests_until.get(one, now) > now)

    def worked(self, connection: Connection) -> None:
        """Ask it first from now on."""
        if self._rests_until.pop(connection, None) is not None:
            log.info("prometheus answers again", server=connection.name)
        self._connections.remove(connection)
        self._connections.insert(0, connection)

    def failed(self, connection: Connection, now: float, why: str) -> None:
        """Let it rest; said once, not at each further failure."""
        if connection not in self._rests_until:
            log.warning("prometheus does not answer", server=connection.name, error=why)
        self._rests_until[connection] = now + REST

    def close(self) -> None:
        """Give back the sockets; idempotent."""
        for connection in self._connections:
            connection.close()
