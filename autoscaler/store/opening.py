"""A store by its name: a path is a SQLite file, `postgresql://` a database."""

from __future__ import annotations

from autoscaler.ports import Store
from autoscaler.store.absent import NoStoreYet
from autoscaler.store.file import IN_MEMORY
from autoscaler.store.retention import Retention
from autoscaler.store.sqlite import SqliteStore


async def open_store(
    where: str,
    *,
    read_only: bool = False,
    or_empty: bool = False,
    retention: Retention | None = None,
    deadline: float = 10.0,
) -> Store:
    """Open the store that `where` names.

    `read_only` is for looking at it while a service writes to it; with `or_empty` the answer
    is an empty one before the first run. `deadline` is in seconds and holds for every call.
    Raises Temporary or Permanent.
    """
    try:
        return await SqliteStore.open(
            where, read_only=read_only, retention=retention, deadline=deadline
        )
    except NoStoreYet:
        if not or_empty:
            raise
        return await SqliteStore.open(IN_MEMORY)
