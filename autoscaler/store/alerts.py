"""Alerts that were received. Each call runs inside of the worker's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from autoscaler import records
from autoscaler.model import MOST_ALERTS, Alert, Reception, all_taken
from autoscaler.store.rows import named

_SAVE = "insert or replace into alerts (fingerprint, received_at, alert) values (?, ?, ?)"
_FOLLOWING = """
    select fingerprint, alert from alerts where fingerprint > ? order by fingerprint limit ?"""
_AT_ONCE = 500
"""Fingerprints in one question: SQLite bounds the number of parameters."""


def receive(
    connection: sqlite3.Connection, told: Sequence[Alert], at: float, kept: float, late: float
) -> list[Reception]:
    """Take alerts in, in order, and drop those that have expired. Raises Invalid."""
    connection.execute("delete from alerts where received_at < ?", (at - kept,))
    known = _known(connection, [alert.fingerprint for alert in told])
    answers, changed = all_taken(known, told, MOST_ALERTS - _count(connection), kept, late)
    rows = ((each.fingerprint, each.received_at, records.dump(each)) for each in changed)
    connection.executemany(_SAVE, rows)
    return answers


def listed(connection: sqlite3.Connection) -> list[Alert]:
    """All that are kept, the one told last at the end. Raises Invalid."""
    rows = connection.execute("select fingerprint, alert from alerts order by received_at")
    return [named(f"the alert {key}", Alert, text) for key, text in rows]


def following(connection: sqlite3.Connection, fingerprint: str, most: int) -> list[Alert]:
    """Those with the next fingerprints. Raises Invalid."""
    rows = connection.execute(_FOLLOWING, (fingerprint, most))
    return [named(f"the alert {key}", Alert, text) for key, text in rows]


def _known(connection: sqlite3.Connection, fingerprints: Sequence[str]) -> dict[str, Alert]:
    found: dict[str, Alert] = {}
    for first in range(0, len(fingerprints), _AT_ONCE):
        some = fingerprints[first : first + _AT_ONCE]
        asked = f"select fingerprint, alert from alerts where fingerprint in ({_places(some)})"  # noqa: S608
        found |= {
            key: named(f"the alert {key}", Alert, text)
            for key, text in connection.execute(asked, some)
        }
    return found


def _places(some: Sequence[str]) -> str:
    return ",".join("?" * len(some))


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from alerts").fetchone()[0])
