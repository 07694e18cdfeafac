"""Alerts that were received. Changes run inside of the writer's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autoscaler import records
from autoscaler.model import MOST_ALERTS, Alert, Reception, all_taken
from autoscaler.store.postgres.address import Connection
from autoscaler.store.rows import named

_SAVE = """
    insert into alerts (fingerprint, received_at, alert)
    select * from unnest($1::text[], $2::double precision[], $3::text[])
    on conflict (fingerprint) do update
    set received_at = excluded.received_at, alert = excluded.alert"""
_FOLLOWING = """
    select fingerprint, alert from alerts where fingerprint > $1 order by fingerprint limit $2"""
_KNOWN = "select fingerprint, alert from alerts where fingerprint = any($1)"

Rows = Sequence[tuple[str, str]]


async def receive(
    connection: Connection, told: Sequence[Alert], at: float, kept: float, late: float
) -> list[Reception]:
    """Take alerts in, in order, and drop those that have expired. Raises Invalid."""
    # One that is read here must not be changed by another session before it is written.
    await connection.execute("lock table alerts in share row exclusive mode")
    await connection.execute("delete from alerts where received_at < $1", at - kept)
    known = await connection.fetch(_KNOWN, [alert.fingerprint for alert in told])
    room = MOST_ALERTS - await connection.fetchval("select count(*) from alerts")
    answers, columns = await asyncio.to_thread(_taken, known, told, room, kept, late)
    await connection.execute(_SAVE, *columns)
    return answers


def _taken(
    rows: Rows, told: Sequence[Alert], room: int, kept: float, late: float
) -> tuple[list[Reception], tuple[list[str], list[float], list[str]]]:
    """What became of them, and what changes, by columns."""
    known = {each.fingerprint: each for each in _read(rows)}
    answers, changed = all_taken(known, told, room, kept, late)
    names = [each.fingerprint for each in changed]
    times = [each.received_at for each in changed]
    return answers, (names, times, [records.dump(each) for each in changed])


def _read(rows: Rows) -> list[Alert]:
    return [named(f"the alert {key}", Alert, text) for key, text in rows]


async def listed(connection: Connection) -> list[Alert]:
    """All that are kept, the one told last at the end. Raises Invalid."""
    rows = await connection.fetch("select fingerprint, alert from alerts order by received_at")
    return await asyncio.to_thread(_read, rows)


async def following(connection: Connection, fingerprint: str, most: int) -> list[Alert]:
    """Those with the next fingerprints. Raises Invalid."""
    return _read(await connection.fetch(_FOLLOWING, fingerprint, most))
