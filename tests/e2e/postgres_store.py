"""Opening stores in a private PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoscaler.ports import Store
from autoscaler.store import open_store
from autoscaler.testing.real.postgres import PrivatePostgres


@asynccontextmanager
async def opened(url: str, *, deadline: float = 10.0) -> AsyncIterator[Store]:
    store = await open_store(url, deadline=deadline)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def a_database(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A database with the tables in it."""
    url = postgres.create()
    async with opened(url):
        pass
    yield url
    postgres.drop(url)


_numbers = itertools.count(1)


def own(name: str) -> str:
    """A name that no other test, and no other try of the same, has given to anything."""
    return f"{name}{next(_numbers)}"


def name_of(url: str) -> str:
    return url.rpartition("/")[2]
