"""Changes, in the order of their calls. Those that wait together are committed together.

A commit waits for the server's disk, and during that time more changes arrive. They share the
next one. If one of them cannot be made, each is tried again by itself, and only the one at
fault hears of it; if the server is away, all of them do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.store.postgres.address import Connection
from autoscaler.store.postgres.faults import ERRORS, fault
from autoscaler.store.postgres.line import Line, Work

T = TypeVar("T")

MOST_WAITING = 20_000
"""Calls of a kind that may wait at a time; one more is refused."""
MOST_TOGETHER = 256
"""Changes that share a commit at most."""


class _Phase(Enum):
    """How far a transaction has come."""

    CONNECTING = auto()
    WORKING = auto()
    COMMITTING = auto()


@dataclass(eq=False, slots=True)
class _Waiting:
    work: Work[Any]
    answer: asyncio.Future[Any]
    begun: bool = False


class Writer:
    """Makes changes over one connection, each answered within the address's deadline."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._phase = _Phase.CONNECTING

    async def write(self, work: Work[T]) -> T:
        """Make a change and commit it.

        Raises Temporary or Permanent when nothing was stored, OutcomeUnknown when nobody
        can tell.
        """
        if len(self._waiting) >= MOST_WAITING:
            told = f"{len(self._waiting)} changes wait"
            raise Temporary(f"the store {self._place} is too slow: {told}")
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off(), name="store")
        answer: T = await self._answered(waiting)
        return answer

    async def close(self) -> None:
        """Finish what waits, then end the connection."""
        if self._task is not None:
            await self._task
        await self._line.close()

    @property
    def _place(self) -> str:
        return self._line.address.shown

    async def _answered(self, waiting: _Waiting) -> Any:
        deadline = self._line.address.deadline
        try:
            async with asyncio.timeout(deadline):
                return await waiting.answer
        except TimeoutError as error:
            kind = OutcomeUnknown if waiting.begun else Temporary
            raise kind(f"the store {self._place} did not answer within {deadline:g} s") from error

    async def _work_off(self) -> None:
        while self._waiting:
            if batch := self._take():
                await self._store(batch)

    def _take(self) -> list[_Waiting]:
        """Those whose callers still wait; nobody can withdraw them from here on."""
        most = min(len(self._waiting), MOST_TOGETHER)
        first = [self._waiting.popleft() for _ in range(most)]
        batch = [waiting for waiting in first if not waiting.answer.done()]
        for waiting in batch:
            waiting.begun = True
        return batch

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            results = await self._transaction([waiting.work for waiting in batch])
        except Exception as error:  # noqa: BLE001  every error belongs to a caller
            await self._refused(batch, error)
            return
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(result)

    async def _refused(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """A Temporary error is the server's; another one may be that of one change alone."""
        of_one = self._phase is _Phase.WORKING and not isinstance(error, Temporary)
        if of_one and len(batch) > 1:
            for waiting in batch:
                await self._store([waiting])
            return
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_exception(error)

    async def _transaction(self, works: Sequence[Work[Any]]) -> list[Any]:
        self._phase = _Phase.CONNECTING
        try:
            async with asyncio.timeout(self._line.address.deadline):
                return await self._line.use(lambda connection: self._all(connection, works))
        except ERRORS as error:
            committing = self._phase is _Phase.COMMITTING
            raise fault(self._place, error, committing=committing) from error

    async def _all(self, connection: Connection, works: Sequence[Work[Any]]) -> list[Any]:
        """All of the changes are stored, or none is."""
        self._phase = _Phase.WORKING
        await connection.execute("begin")
        try:
            results = [await work(connection) for work in works]
        except Exception:
            if not connection.is_closed():
                await connection.execute("rollback")
            raise
        self._phase = _Phase.COMMITTING
        if await connection.execute("commit") != "COMMIT":
            # What the server answers, as if it were no error, after one that somebody passed over.
            raise Permanent(f"the store {self._place} has rolled a change back; report this")
        return results
