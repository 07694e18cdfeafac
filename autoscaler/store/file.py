"""Opening the file: readable by its owner alone, on a disk, and ours."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autoscaler.errors import Permanent
from autoscaler.store import schema
from autoscaler.store.absent import NoStoreYet
from autoscaler.store.filesystem import Probe, kind_of, refuse_network

Connect = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or something in its place that a test watches or breaks."""

IN_MEMORY = ":memory:"
_FOR_THE_OWNER = 0o600
_SHORT_LOG = 16 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a burst."""


def connect_to_write(
    path: str, connect: Connect, busy: float, probe: Probe = kind_of
) -> sqlite3.Connection:
    """Open, create if need be, and bring up to date. Waits `busy` seconds for locks.

    Raises Permanent, or an error of sqlite3.
    """
    if path == IN_MEMORY:
        connection = connect(IN_MEMORY, isolation_level=None)
    else:
        _prepare(Path(path), probe)
        connection = connect(_uri(path, "rw"), uri=True, timeout=busy, isolation_level=None)
    with _closed_on_error(connection):
        schema.claim(connection, path)  # before anything of it is changed
        if path != IN_MEMORY:
            _protect(Path(path))
            _log_ahead(connection, path)
        schema.migrate(connection, path)
    return connection


def connect_to_read(path: str, connect: Connect, busy: float) -> sqlite3.Connection:
    """Open a file that the service may be writing to at the same time.

    Raises Permanent, or an error of sqlite3.
    """
    if not Path(path).is_file():
        raise NoStoreYet(f"there is no store at {path}: start the service, or name it by --store")
    connection = connect(_uri(path, "ro"), uri=True, timeout=busy, isolation_level=None)
    with _closed_on_error(connection):
        schema.check(connection, path)
    return connection


def _uri(path: str, mode: str) -> str:
    return f"{Path(path).absolute().as_uri()}?mode={mode}"


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _log_ahead(connection: sqlite3.Connection, path: str) -> None:
    (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
    if mode != "wal":
        raise Permanent(f"the store {path} cannot keep a write-ahead log: use a local disk")
    # What was committed survives a power cut too, for one fsync per commit.
    connection.execute("pragma synchronous = full")
    connection.execute(f"pragma journal_size_limit = {_SHORT_LOG}")


def _prepare(path: Path, probe: Probe) -> None:
    if not path.parent.is_dir():
        raise Permanent(f"the store's directory {path.parent} does not exist: create or mount it")
    refuse_network(str(path), path.parent, probe)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Permanent(
            f"the store's directory {path.parent} may not be written: see its owner and its mount"
        )
    if path.exists() and not path.is_file():
        raise Permanent(f"the store {path} is not a file: name another one")
    with suppress(FileExistsError):
        _create(path)


def _create(path: Path) -> None:
    """Create the file, and make its name survive a power cut.

    Only a new file is opened here: closing a second descriptor of a file in use would
    release the locks that SQLite holds on it.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _FOR_THE_OWNER))
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _protect(path: Path) -> None:
    """Take the rights of others away. A new log and its index inherit the file's rights."""
    for each in filter(Path.exists, (path, Path(f"{path}-wal"), Path(f"{path}-shm"))):
        if stat.S_IMODE(each.stat().st_mode) != _FOR_THE_OWNER:
            _take_rights_away(each)


def _take_rights_away(path: Path) -> None:
    try:
        path.chmod(_FOR_THE_OWNER)
    except OSError as error:
        raise Permanent(f"others may read the store {path}: make it yours, mode 0600") from error
