"""Who acts: the one controller whose session holds a lock in the database.

All that this controller stores goes over that same session. So who has lost the lock, with the
session, cannot store an intent any more, and without a stored intent nothing is done. When it
is back, it goes on if nobody else has acted in between; otherwise what it remembers is out of
date, and it gives way for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from autoscaler.errors import Permanent, Temporary
from autoscaler.store.postgres import schema
from autoscaler.store.postgres.address import Connection
from autoscaler.store.schema import APPLICATION

_LOCK = (APPLICATION, 1)
"""Two numbers by which the lock is known in its database."""

_HOLDER = """
    select a.application_name || coalesce(' at ' || host(a.client_addr), '') || ', since '
        || to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
    from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid = $2
      and l.database = (select oid from pg_database where datname = current_database())"""
_BEGIN = """
    insert into tenure (one, term) values (1, 1)
    on conflict (one) do update set term = tenure.term + 1 returning term"""


@dataclass
class Tenure:
    """The right to act on what the store of `place` says, from the first `take` on."""

    place: str
    on_lost: Callable[[Permanent], None]
    _term: int | None = None
    _lost: Permanent | None = None

    async def take(self, connection: Connection) -> None:
        """Get the lock for a new session, first or again.

        Raises Permanent when another controller has it, or has had it since; Temporary while
        the server has not seen the end of our own last session.
        """
        if self._lost is not None:
            raise self._lost
        got = await _locked(connection)
        if self._term is None:
            await self._begin(connection, got=got)
        elif await connection.fetchval("select term from tenure") != self._term:
            self._give_way()
        elif not got:
            raise Temporary(f"the store {self.place} still holds the lock of our last session")

    async def _begin(self, connection: Connection, *, got: bool) -> None:
        if not got:
            holder = await connection.fetchval(_HOLDER, *_LOCK)
            raise Permanent(
                f"another controller acts on the store {self.place} ({holder or 'just gone'}):"
                " one at a time may; stop it, or name another database"
            )
        await schema.migrate(connection, self.place)
        self._term = await connection.fetchval(_BEGIN)

    def _give_way(self) -> None:
        self._lost = Permanent(
            f"another controller has acted on the store {self.place} since the connection broke:"
            " this one gives way; start it again"
        )
        self.on_lost(self._lost)
        raise self._lost


async def _locked(connection: Connection) -> bool:
    """Wait for the lock as long as the session waits for any."""
    try:
        await connection.execute(f"select pg_advisory_lock({_LOCK[0]}, {_LOCK[1]})")
    except asyncpg.LockNotAvailableError:
        return False
    return True
