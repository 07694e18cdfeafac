"""One connection to the server: one call at a time, and made anew when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from autoscaler.store.postgres.address import Address, Connection
from autoscaler.store.postgres.faults import ERRORS

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]


# What was acknowledged must survive a crash of the server; stricter settings are left alone.
_DURABLE = """
    select set_config('synchronous_commit', 'on', false)
    where current_setting('synchronous_commit') = 'off'"""


async def _as_it_is(connection: Connection) -> None:
    """Nothing needs to be done with a new connection."""


class Line:
    """A connection that `greet` has seen first; what goes wrong is raised as it comes."""

    def __init__(self, address: Address, *, read_only: bool, greet: Work[None] = _as_it_is) -> None:
        self.address = address
        self._read_only = read_only
        self._greet = greet
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    async def use(self, work: Work[T]) -> T:
        """Do something over the connection, when it is free."""
        async with self._turn:
            connection = await self._connected()
            try:
                return await work(connection)
            except BaseException as error:
                self._look_after(connection, error)
                raise

    async def close(self) -> None:
        """End the connection; the server may be gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*ERRORS):
                await connection.close(timeout=1.0)

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = None
            connection = await self.address.connect(read_only=self._read_only)
            try:
                await connection.execute(_DURABLE)
                await self._greet(connection)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    def _look_after(self, connection: Connection, error: BaseException) -> None:
        """Who was called away left an answer behind that the next one must not read."""
        interrupted = not isinstance(error, Exception)
        if interrupted or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._connection = None
