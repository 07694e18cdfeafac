"""The disk that the store's file is on: real files, whose faults are made here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import Any

from tests.simulation.loop import outcome

Hook = Callable[[], None]
Wrong = Callable[[str], sqlite3.Error | None]
"""The error of a statement, if it fails."""


class Disk:
    """Where the store is, and what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        """How long each call to the store takes."""
        self.wrong: dict[str, Wrong] = {}
        """What SQLite says in the place of a statement, by the names of the faults."""
        self.before_commit: Hook = lambda: None
        self.after_commit: Hook = lambda: None
        self.on_commit: Hook = lambda: None
        """Hears of each commit; the other two are for those who break something."""

    def thread(self, alive: Callable[[], bool]) -> Executor:
        """What runs the calls of one process, one after the other."""
        return _Thread(self, alive)

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        """In place of `sqlite3.connect`."""
        connection: _Connection = sqlite3.connect(*args, factory=_Connection, **kwargs)
        connection.disk = self
        return connection


class _Connection(sqlite3.Connection):
    disk: Disk

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        for wrong in self.disk.wrong.values():
            if error := wrong(sql):
                raise error
        if sql != "commit":
            return super().execute(sql, *parameters)
        self.disk.before_commit()
        done = super().execute(sql)
        self.disk.on_commit()
        self.disk.after_commit()
        return done


class _Thread(Executor):
    def __init__(self, disk: Disk, alive: Callable[[], bool]) -> None:
        self._disk = disk
        self._alive = alive
        self._waiting: deque[Callable[[], None]] = deque()
        self._free_at = 0.0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._alive():
            raise RuntimeError("the process is gone")
        done: Future[Any] = Future()
        loop = asyncio.get_running_loop()
        self._waiting.append(partial(self._run, done, fn, *args, **kwargs))
        if self._disk.seconds <= 0 and self._free_at <= loop.time():
            self._next()
        else:
            self._free_at = max(self._free_at, loop.time()) + self._disk.seconds
            loop.call_at(self._free_at, self._next)
        return done

    def _next(self) -> None:
        # In order, whatever the order of timers of one moment is.
        self._waiting.popleft()()

    def _run(self, done: Future[Any], fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        if self._alive() and done.set_running_or_notify_cancel():
            outcome(done, fn, *args, **kwargs)()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """What was submitted is done all the same."""
