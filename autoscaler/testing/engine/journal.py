"""The engine's events: a short memory, and readers that may be too slow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from autoscaler.testing.engine.objects import Document

REMEMBERED = 256
"""Events that a new reader can have replayed."""
READER_BUFFER = 1024
"""Events that a reader may lag behind; what comes after is dropped without a word."""

Reader = asyncio.Queue[Document | None]


class Journal:
    """Remembers the newest events and hands new ones to readers."""

    def __init__(self, nanoseconds: Callable[[], int]) -> None:
        self._nanoseconds = nanoseconds
        self._past: deque[Document] = deque(maxlen=REMEMBERED)
        self._readers: set[Reader] = set()
        self.silent = False
        """Events happen and reach no open stream, as over a half-open connection."""
        self.underway: Callable[[Document], Sequence[Document]] | None = None
        """What reaches open streams in place of an event: nothing, another one, more of them."""

    def tell(
        self, kind: str, action: str, actor: str, attributes: Mapping[str, str], *, swarm: bool
    ) -> None:
        """Something happened."""
        at = self._nanoseconds()
        event: dict[str, Any] = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": actor, "Attributes": dict(attributes)},
            "scope": "swarm" if swarm else "local",
            "time": at // 10**9,
            "timeNano": at,
        }
        self._past.append(event)
        if self.silent:
            return
        for sent in (event,) if self.underway is None else self.underway(event):
            for reader in self._readers:
                self._hand(reader, sent)

    def open(self, since: int | None) -> Reader:
        """A reader; it gets what is remembered from `since` (nanoseconds) on, if stated."""
        reader: Reader = asyncio.Queue(READER_BUFFER)
        for event in self._replayed(since):
            self._hand(reader, event)
        self._readers.add(reader)
        return reader

    def close(self, reader: Reader) -> None:
        """The reader went away."""
        self._readers.discard(reader)

    def cut(self) -> None:
        """End every open stream, as a daemon that restarts does."""
        for reader in self._readers:
            while not reader.empty():
                reader.get_nowait()
            reader.put_nowait(None)
        self._readers.clear()

    def forget(self) -> None:
        """Lose the memory, as a daemon that restarts does."""
        self._past.clear()

    def _replayed(self, since: int | None) -> list[Document]:
        """Newest first until one is older, so an event that is out of order hides others."""
        found: list[Document] = []
        for event in reversed(self._past):
            if since is None or event["timeNano"] < since:
                break
            found.append(event)
        return found[::-1]

    def _hand(self, reader: Reader, event: Document) -> None:
        with suppress(asyncio.QueueFull):
            reader.put_nowait(event)
