"""What may happen to the store: without a stored intent nothing may be done."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from tests.simulation.faults.fault import Coursed, fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

SLOW = 4.0
"""Seconds for each call."""


def _fails(name: str, code: int, said: str, which: Callable[[str], bool]) -> Coursed:
    """SQLite says so in the place of some statements."""

    def wrong(statement: str) -> sqlite3.Error | None:
        if not which(statement):
            return None
        error = sqlite3.OperationalError(said)
        error.sqlite_errorcode = code
        return error

    @fault(name)
    async def failing(world: World) -> Course:
        world.disk.wrong[name] = wrong
        yield
        world.disk.wrong.pop(name, None)

    return failing


def _begins(statement: str) -> bool:
    return statement == "begin immediate"


def _commits(statement: str) -> bool:
    return statement == "commit"


def _any(statement: str) -> bool:
    return True


@fault("store slow")
async def slow(world: World) -> Course:
    world.disk.seconds = SLOW
    yield
    world.disk.seconds = 0.0


FAULTS = (
    slow,
    _fails("disk full", sqlite3.SQLITE_FULL, "database or disk is full", _commits),
    _fails(
        "store read-only", sqlite3.SQLITE_READONLY, "attempt to write a readonly database", _begins
    ),
    _fails("store locked", sqlite3.SQLITE_BUSY, "database is locked", _begins),
    _fails("store corrupt", sqlite3.SQLITE_CORRUPT, "database disk image is malformed", _any),
    _fails("disk fails", sqlite3.SQLITE_IOERR, "disk I/O error", _any),
)
