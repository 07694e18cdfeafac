"""What PostgreSQL says is told in our words, with the next step."""

from __future__ import annotations

import asyncpg
import pytest

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.store.postgres.faults import ERRORS, fault

PLACE = "postgresql://db/shop"


def of_state(state: str) -> asyncpg.PostgresError:
    """What asyncpg raises for a state of SQL, with a row in its details."""
    fields = {"C": state, "M": "words of the server", "D": "Failing row contains (s3cr3t)."}
    error = asyncpg.PostgresError.new(fields)
    assert isinstance(error, asyncpg.PostgresError)
    return error


@pytest.mark.parametrize(
    ("state", "kind", "advice"),
    [
        ("08006", Temporary, "is the server running"),
        ("25006", Temporary, "wait for the fail-over, or name the primary"),
        ("28000", Permanent, "pg_hba"),
        ("28P01", Permanent, "look at the secret"),
        ("3D000", Permanent, "create the database"),
        ("40001", Temporary, "at the same time"),
        ("40P01", Temporary, "at the same time"),
        ("42501", Permanent, "make it the owner"),
        ("42P01", Permanent, "restore a backup"),
        ("53100", Temporary, "disk is full; make room"),
        ("53200", Temporary, "memory"),
        ("53300", Temporary, "raise max_connections"),
        ("55P03", Temporary, "locked by somebody else"),
        ("57014", Temporary, "too slow"),
        ("57P01", Temporary, "is the server running"),
        ("57P03", Temporary, "is the server running"),
        ("58030", Temporary, "look at the server's disk"),
        ("22021", Permanent, "cannot keep this value"),
        ("XX001", Permanent, "restore a backup"),
        ("42601", Permanent, "report this"),
    ],
)
def test_every_state_names_the_database_and_the_next_step(
    state: str, kind: type[Exception], advice: str
) -> None:
    told = fault(PLACE, of_state(state))
    assert type(told) is kind
    assert PLACE in str(told)
    assert advice in str(told)
    assert "words of the server" in str(told)
    assert "s3cr3t" not in str(told)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "reset"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        of_state("57P01"),
        of_state("08006"),
    ],
    ids=["reset", "late", "closed", "shut down", "lost"],
)
def test_a_break_while_committing_leaves_the_outcome_unknown(error: Exception) -> None:
    assert isinstance(error, ERRORS)
    assert type(fault(PLACE, error, committing=True)) is OutcomeUnknown
    assert type(fault(PLACE, error)) is Temporary


@pytest.mark.parametrize("state", ["53100", "40001"])
def test_a_commit_that_is_refused_was_not_made(state: str) -> None:
    assert type(fault(PLACE, of_state(state), committing=True)) is Temporary
