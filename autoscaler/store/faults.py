"""SQLite's errors as Temporary or Permanent, each with what to do next."""

from __future__ import annotations

import sqlite3

from autoscaler.errors import AutoscalerError, Permanent, Temporary

_PRIMARY = 0xFF
"""The low byte of an extended error code is the kind of error."""

DAMAGED = (
    "is damaged or no database. Stop the service and keep a copy of the file (with its -wal and"
    " -shm files). Then restore a backup, or move all three away to start with an empty memory:"
    " cooldowns and stabilization windows begin anew, policies are not affected"
)

_FAULTS: dict[int, tuple[type[AutoscalerError], str]] = {
    sqlite3.SQLITE_BUSY: (Temporary, "is locked by another process; does a second one run?"),
    sqlite3.SQLITE_LOCKED: (Temporary, "is locked by another process; does a second one run?"),
    sqlite3.SQLITE_FULL: (Temporary, "cannot grow: the disk is full; make room on it"),
    sqlite3.SQLITE_IOERR: (Temporary, "cannot be read or written; look at the disk"),
    sqlite3.SQLITE_NOMEM: (Temporary, "needs more memory than there is"),
    sqlite3.SQLITE_INTERRUPT: (Temporary, "was interrupted"),
    sqlite3.SQLITE_READONLY: (Permanent, "may not be written; look at its owner and its mount"),
    sqlite3.SQLITE_CANTOPEN: (Permanent, "cannot be opened; look at its directory and its owner"),
    sqlite3.SQLITE_PERM: (Permanent, "cannot be opened; look at its directory and its owner"),
    sqlite3.SQLITE_CORRUPT: (Permanent, DAMAGED),
    sqlite3.SQLITE_NOTADB: (Permanent, DAMAGED),
}


def fault(path: str, error: sqlite3.Error) -> AutoscalerError:
    """Translate an error of SQLite; raise the answer `from` it.

    An error that is not foreseen is Permanent: then this program is at fault.
    """
    code = getattr(error, "sqlite_errorcode", None) or 0
    kind, advice = _FAULTS.get(code & _PRIMARY, (Permanent, "was used wrongly; report this"))
    return kind(f"the store {path} {advice} ({error})")
