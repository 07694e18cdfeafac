"""A notifier that keeps what it is given, and fails when the test says so."""

from __future__ import annotations

import asyncio

from autoscaler.model import Message
from autoscaler.ports import Pace


class RecordingNotifier:
    """Sends nowhere."""

    def __init__(self, pace: Pace | None = None, takes: float = 0.0) -> None:
        """It takes so many seconds to send."""
        self.pace = pace or Pace()
        self.takes = takes
        self.sent: list[Message] = []
        self.attempts = 0
        self.failures: list[BaseException] = []
        """What the next attempts raise, first in first out."""
        self.closed = False

    async def send(self, message: Message) -> None:
        """Keep the message, or raise what comes next."""
        self.attempts += 1
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)

    async def close(self) -> None:
        """Say that it is closed."""
        self.closed = True
