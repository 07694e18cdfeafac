"""The one thread that owns the connection. Writes that wait together are committed together.

A commit waits for the disk, and during that time more writes arrive. They share the next
commit, so a thousand passes at once cost a few commits, not a thousand. If one of them
fails, each is tried again by itself, and only the one at fault hears of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from autoscaler.errors import AutoscalerError, OutcomeUnknown, Permanent, Temporary
from autoscaler.store.faults import fault

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_Waiting = tuple[Work[Any], "Future[Any]"]

MOST_WAITING = 20_000
"""Calls that may wait at a time; one more is refused."""
MOST_TOGETHER = 256
"""Writes that share a commit at most."""


def one_thread() -> Executor:
    """Where the connection lives."""
    return ThreadPoolExecutor(1, "autoscaler-store")


class Worker:
    """Runs calls on one connection, one after another, each with a deadline in seconds."""

    def __init__(
        self, path: str, deadline: float, thread: Callable[[], Executor] = one_thread
    ) -> None:
        self.path = path
        self.deadline = deadline
        self._thread = thread()
        self._connection: sqlite3.Connection | None = None
        self._writes: deque[_Waiting] = deque()
        self._waiting = 0
        self._closed = False

    async def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Connect, in the thread. Raises Temporary or Permanent."""
        try:
            await self._answer(self._thread.submit(self._connect, connect))
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    async def read(self, work: Work[T]) -> T:
        """Run a query. Raises Temporary or Permanent."""
        self._admit()
        return await self._answer(self._thread.submit(self._run, work))

    async def write(self, work: Work[T]) -> T:
        """Run a change and commit it.

        Raises Temporary or Permanent when nothing was stored, OutcomeUnknown when the
        deadline passed while it was being stored.
        """
        self._admit()
        answer: Future[T] = Future()
        self._writes.append((work, answer))
        self._thread.submit(self._commit_waiting)
        return await self._answer(answer)

    async def close(self) -> None:
        """Finish what waits, then close the connection; idempotent."""
        if not self._closed:
            self._closed = True
            answer = self._thread.submit(self._disconnect)
            self._thread.shutdown(wait=False)
            await self._answer(answer)

    def _admit(self) -> None:
        if self._closed:
            raise Permanent(f"the store {self.path} is closed")
        if self._waiting >= MOST_WAITING:
            raise Temporary(f"the store {self.path} is too slow: {self._waiting} calls wait")

    async def _answer(self, answer: Future[T]) -> T:
        self._waiting += 1
        try:
            async with asyncio.timeout(self.deadline):
                return await asyncio.wrap_future(answer)
        except TimeoutError as error:
            raise self._late(begun=not answer.cancel()) from error
        except sqlite3.Error as error:
            raise fault(self.path, error) from error
        finally:
            self._waiting -= 1

    def _late(self, *, begun: bool) -> AutoscalerError:
        kind = OutcomeUnknown if begun else Temporary
        return kind(f"the store {self.path} did not answer within {self.deadline:g} s")

    # Below: in the thread.

    def _connect(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connection = connect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _run(self, work: Work[T]) -> T:
        assert self._connection is not None  # noqa: S101  opened before the first call
        return work(self._connection)

    def _commit_waiting(self) -> None:
        batch = list(self._take())
        if not batch:
            return
        try:
            results = self._run(partial(commit, works=[work for work, _ in batch]))
        except Exception as error:  # noqa: BLE001  every error belongs to a caller
            self._commit_singly(batch, error)
            return
        for (_, answer), result in zip(batch, results, strict=True):
            answer.set_result(result)

    def _take(self) -> Iterable[_Waiting]:
        """Take writes whose callers still wait; nobody can withdraw them from here on."""
        for _ in range(min(len(self._writes), MOST_TOGETHER)):
            work, answer = self._writes.popleft()
            if answer.set_running_or_notify_cancel():
                yield work, answer

    def _commit_singly(self, batch: list[_Waiting], error: Exception) -> None:
        if len(batch) == 1:
            batch[0][1].set_exception(error)
            return
        for work, answer in batch:
            try:
                (result,) = self._run(partial(commit, works=[work]))
            except Exception as own:  # noqa: BLE001  every error belongs to a caller
                answer.set_exception(own)
            else:
                answer.set_result(result)


def commit(connection: sqlite3.Connection, works: Iterable[Work[Any]]) -> list[Any]:
    """Run changes in one transaction: all of them are stored, or none is."""
    connection.execute("begin immediate")
    try:
        results = [work(connection) for work in works]
        connection.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("rollback")
        raise
    return results
