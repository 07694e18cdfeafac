"""A store by its name: a path is a SQLite file, `postgresql://` a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoscaler.errors import Permanent
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
    acting: Callable[[Permanent], None] | None = None,
    password_file: Path | None = None,
    retention: Retention | None = None,
    deadline: float = 10.0,
) -> Store:
    """Open the store that `where` names.

    `read_only` is for looking at it while a service writes to it; with `or_empty` the answer
    is an empty one before the first run. `acting` is for the controller: it is called once if
    another one has acted on the same database since, and this one must give way.
    `password_file` is for a database. `deadline` is in seconds and holds for every call.
    Raises Temporary or Permanent.
    """
    try:
        if not is_database(where):
            return await SqliteStore.open(
                where, read_only=read_only, retention=retention, deadline=deadline
            )
        # Who keeps a file need not wait until a driver is loaded.
        from autoscaler.store.postgres import PostgresStore

        return await PostgresStore.open(
            where,
            read_only=read_only,
            acting=acting,
            password_file=password_file,
            retention=retention,
            deadline=deadline,
        )
    except NoStoreYet:
        if not or_empty:
            raise
        return await SqliteStore.open(IN_MEMORY)


def is_database(where: str) -> bool:
    """Whether a store's name is that of a database on a server, not of a file."""
    return where.startswith(("postgresql:", "postgres:"))
