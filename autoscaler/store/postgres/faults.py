"""PostgreSQL's errors as Temporary, OutcomeUnknown or Permanent, each with what to do next."""

from __future__ import annotations

import asyncpg

from autoscaler.addresses import why
from autoscaler.errors import AutoscalerError, OutcomeUnknown, Permanent, Temporary

ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What may come out of a call; a late one is a TimeoutError, which is an OSError."""

_Told = tuple[type[AutoscalerError], str]
_AWAY: _Told = (Temporary, "cannot be reached; is the server running, and the network up?")
_LATE: _Told = (Temporary, "was too slow; look at the server's load and locks")
_DAMAGED: _Told = (Permanent, "is damaged: stop the service and restore a backup")

_REPLICA = (
    "takes no writes, as a replica does; wait for the fail-over, or name the primary"
    " (?target_session_attrs=read-write)"
)
_BY_STATE: dict[str, _Told] = {
    "25006": (Temporary, _REPLICA),
    "25P03": _LATE,
    "28000": (Permanent, "does not let this user in; look at the server's pg_hba.conf"),
    "28P01": (Permanent, "refuses the password; look at the secret"),
    "3D000": (Permanent, "is not there: create the database"),
    "40001": (Temporary, "was changed by somebody else at the same time"),
    "40P01": (Temporary, "was changed by somebody else at the same time"),
    "42501": (Permanent, "does not let this user do that; make it the owner of the database"),
    "42P01": (Permanent, "lacks a table: somebody has dropped it; restore a backup"),
    "53100": (Temporary, "cannot grow: the server's disk is full; make room on it"),
    "53200": (Temporary, "needs more memory than the server has"),
    "53300": (Temporary, "has no connection free; raise max_connections, or end others"),
    "55P03": (Temporary, "is locked by somebody else; look at pg_stat_activity"),
    "57014": _LATE,
    "58030": (Temporary, "cannot be read or written; look at the server's disk"),
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}  # fmt: skip
_BY_CLASS: dict[str, _Told] = {
    "08": _AWAY,
    "53": (Temporary, "lacks means to do that; look at the server"),
    "57": _AWAY,
    "58": (Temporary, "cannot be read or written; look at the server's disk"),
    "22": (Permanent, "cannot keep this value"),
}
_BROKEN = ("08", "57P", "25P03")
"""What ends a connection: whether a commit under way was made is not known then."""


def fault(place: str, error: BaseException, *, committing: bool = False) -> AutoscalerError:
    """Translate an error; raise the answer `from` it.

    `committing` says that the order to commit was under way. What is not foreseen is
    Permanent: then this program is at fault.
    """
    state = getattr(error, "sqlstate", None) or ""
    if committing and (not state or state.startswith(_BROKEN)):
        return OutcomeUnknown(
            f"the store {place} did not say whether it has committed ({_words(error)})"
        )
    kind, advice = _told(error, state)
    return kind(f"the store {place} {advice} ({_words(error)})")


def _told(error: BaseException, state: str) -> _Told:
    if isinstance(error, TimeoutError):
        return _LATE
    if isinstance(error, asyncpg.DataError) and not state:
        return _BY_CLASS["22"]
    if not state and isinstance(error, (OSError, asyncpg.InterfaceError)):
        return _AWAY
    if isinstance(error, asyncpg.InternalClientError):
        return _AWAY
    unforeseen = (Permanent, "was used wrongly; report this")
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or unforeseen


def _words(error: BaseException) -> str:
    """The message alone: details may quote rows, and those may hold secrets."""
    message = getattr(error, "message", None)
    return str(message) if message else why(error)
