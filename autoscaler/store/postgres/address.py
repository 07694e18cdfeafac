"""Where the database is. A password is in no text that this module makes, nor in its errors."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from autoscaler.errors import Invalid, Permanent

Connection = Any
"""A connection of asyncpg, which has no types."""

SCHEMA = "autoscaler"
"""The schema that holds the tables."""

_URL = re.compile(
    r"postgres(?:ql)?://(?:[^@/?#\s]*@)?(?P<hosts>[^@/?#\s]*)/(?P<database>[^@/?#\s]+)"
    r"(?:\?[^@#\s]*)?"
)
_EXPECTED = (
    "expected postgresql://user@host:port/database as the store; characters such as @ / ? # % in"
    " a name or password are written %40 %2F %3F %23 %25"
)


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a database, for calls that take `deadline` seconds at most."""

    url: str = field(repr=False)
    password_file: Path | None
    deadline: float
    shown: str
    """The address without user, password and options."""

    async def connect(self, *, read_only: bool) -> Connection:
        """Log in. Raises Invalid, Permanent, OSError, or what asyncpg raises."""
        password = _password(self.password_file)
        try:
            return await asyncpg.connect(
                self.url,
                timeout=self.deadline,
                server_settings=self._session(read_only),
                **({"password": password} if password else {}),
            )
        except OSError:
            raise  # some are ValueErrors too: a certificate that is not right
        except (asyncpg.exceptions.ClientConfigurationError, ValueError, LookupError):
            # Its words may quote what stands around a password.
            raise Invalid(f"the address of the store {self.shown} is wrong: {_EXPECTED}") from None

    def _session(self, read_only: bool) -> Mapping[str, str]:
        """A server that loses sight of us lets go of our locks, within half a minute."""
        late = str(round(self.deadline * 1000))
        return {
            "application_name": f"autoscaler {socket.gethostname()}"[:63],
            "search_path": SCHEMA,
            "default_transaction_read_only": "on" if read_only else "off",
            "statement_timeout": late,
            "idle_in_transaction_session_timeout": late,
            "lock_timeout": str(round(self.deadline * 500)),
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": "20000",
        }


def read_address(url: str, password_file: Path | None, deadline: float) -> Address:
    """Take a URL apart as far as it may be shown. Raises Invalid, which does not quote it."""
    found = _URL.fullmatch(url)
    if found is None:
        raise Invalid(f"the address of the store is wrong: {_EXPECTED}")
    shown = f"postgresql://{found['hosts']}/{found['database']}"
    return Address(url, password_file, deadline, shown)


def _password(file: Path | None) -> str | None:
    """Read at each login, so that a new password needs no restart."""
    if file is None or not file.exists():
        return None
    try:
        password = file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"the store's password file {file} cannot be read: {error}") from None
    if not password:
        raise Permanent(f"the store's password file {file} is empty")
    return password
