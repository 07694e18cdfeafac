"""What the contracts about stores share: where a store comes from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from autoscaler.ports import Store


class OpensStore:
    """The seam that the author of a store fills in."""

    async def open(self, place: Path) -> Store:
        """Open the store of a directory: empty at first, the same data after a `close`."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, place: Path) -> AsyncIterator[Store]:
        """A store that is closed in the end."""
        store = await self.open(place)
        try:
            yield store
        finally:
            await store.close()
