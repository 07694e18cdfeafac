"""What waits to be sent to the controller, up to a bound."""

from __future__ import annotations

import asyncio

from autoscaler.agent.channel import Closed
from autoscaler.agent.messages import (
    MOST_EVENTS,
    Answer,
    Beat,
    Containers,
    Events,
    Happened,
    Statistics,
)

MOST_WAITING = 2048
"""More than the events that are told again at a start, and what comes meanwhile."""

Item = Happened | Containers | Statistics | Beat | Answer
Sendable = Events | Containers | Statistics | Beat | Answer


class Outbox:
    """A queue of one conversation.

    Where the controller does not keep up, the conversation is given up and not the events:
    the next one begins with what the controller does not know.
    """

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Item] = asyncio.Queue(MOST_WAITING)
        self._full = False
        self._next: Item | None = None

    def put(self, item: Item) -> None:
        """Have something sent."""
        if self._full:
            return
        try:
            self._waiting.put_nowait(item)
        except asyncio.QueueFull:
            self._full = True

    async def get(self) -> Sendable:
        """The next message; events that wait together are one. Raises Closed when full."""
        if self._full:
            raise Closed("the controller does not keep up")
        item = self._next or await self._waiting.get()
        self._next = None
        if not isinstance(item, Happened):
            return item
        return Events(events=tuple(self._more([item])))

    def _more(self, events: list[Happened]) -> list[Happened]:
        while len(events) < MOST_EVENTS and not self._waiting.empty():
            item = self._waiting.get_nowait()
            if not isinstance(item, Happened):
                self._next = item
                break
            events.append(item)
        return events
