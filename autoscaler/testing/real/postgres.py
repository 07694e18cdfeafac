"""A PostgreSQL of one's own, from the distribution's package.

    with PrivatePostgres() as server:
        url = server.create("shop")

Its data lie in a temporary directory. It refuses to run as root; where the tests do, it runs as
the package's user. All calls block; from a coroutine, use `asyncio.to_thread`.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from autoscaler.testing.real.processes import (
    Child,
    ProcessFailed,
    find_program,
    free_port,
    run,
    wait_until,
)
from autoscaler.testing.real.workspace import Workspace

USER = "postgres"
"""Its superuser, and the system's user as which it runs where the tests are root's."""
PASSWORD = "secret-of-the-tests"  # noqa: S105  of a server that lives for minutes

_PACKAGED = Path("/usr/lib/postgresql")
_START_TIMEOUT = 120
_STOP_TIMEOUT = 60
_ATTEMPTS = 3

# How safe a crash of the machine would be plays no part; that of the server does.
_QUICK = ("fsync=off",)


def missing_postgres() -> list[str]:
    """Say what keeps a private server from running on this machine; nothing if it can."""
    if _program("initdb") is None:
        return ["postgresql is not installed"]
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return [f"there is no user {USER}"]
    return []


class PrivatePostgres:
    """A server on a free port, whose settings are given as `name=value`."""

    def __init__(self, *options: str) -> None:
        self._options = (*_QUICK, *options)
        self._workspace: Workspace | None = None
        self._child: Child | None = None
        self._names = itertools.count(1)
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Everything that belongs to this server."""
        if self._workspace is None:
            raise RuntimeError("PostgreSQL is not started")
        return self._workspace.path

    @property
    def data(self) -> Path:
        return self.directory / "server" / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def url(self, database: str = "postgres", *, user: str = USER, password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make a cluster, start the server and wait until it answers."""
        self._workspace = Workspace()
        try:
            self._prepare()
            self._start_on_a_free_port()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and delete its data."""
        self.kill()
        if self._workspace is not None:
            self._workspace.remove()
            self._workspace = None

    def halt(self) -> None:
        """Stop the server, with what it is doing, and leave its data and its port."""
        if self._child is not None:
            # SIGTERM would wait for all clients to go by themselves.
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGINT)
            self._child.wait_ended(_STOP_TIMEOUT)
            self._child = None

    def kill(self) -> None:
        """End all its processes at once, as a crash would."""
        if self._child is not None:
            everyone = [*_children(self._child.pid), self._child.pid]
            for pid in everyone:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._child.kill()
            self._child = None
            wait_until(
                lambda: not any(map(_lives, everyone)), timeout=_STOP_TIMEOUT, what="its end"
            )

    def revive(self) -> None:
        """Start the server again on its port and data, after `halt` or `kill`."""
        self._launch()

    def create(self, name: str = "") -> str:
        """Make an empty database; answer its address."""
        name = name or f"database{next(self._names)}"
        self.execute(f'create database "{name}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete a database, whoever uses it."""
        self.execute(f'drop database "{url.rpartition("/")[2]}" with (force)')

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; answer what it yields."""
        command = [
            find_program("psql") or _program("psql") or "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--dbname={self.url(database)}",
            f"--command={statement}",
        ]
        return run(command)

    def _prepare(self) -> None:
        home = self.directory / "server"
        home.mkdir()
        if os.geteuid() == 0:
            self.directory.chmod(0o711)
            shutil.chown(home, USER, USER)
        secret = home / "password"
        secret.write_text(PASSWORD)
        initdb = ["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        initdb += [f"--username={USER}", f"--pwfile={secret}", f"--pgdata={self.data}"]
        run([*_as_user(), _program("initdb") or "initdb", *initdb], timeout=_START_TIMEOUT)

    def _start_on_a_free_port(self) -> None:
        """Somebody may take the port between the look and the bind: look again then."""
        for attempt in range(_ATTEMPTS):
            self.port = free_port()
            try:
                self._launch()
            except ProcessFailed as error:
                if "in use" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _launch(self) -> None:
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.directory}/server",
            *self._options,
        )
        command = [_program("postgres") or "postgres", "-D", str(self.data)]
        command += [part for setting in settings for part in ("-c", setting)]
        self._child = Child([*_as_user(), *command], self.log)
        self._child.wait_ready(self._ready, _START_TIMEOUT)

    def _ready(self) -> bool:
        try:
            return self.execute("select 1") == "1"
        except ProcessFailed:
            return False


def _program(name: str) -> str | None:
    """The newest that is packaged; Debian keeps them off the PATH."""
    found = sorted(_PACKAGED.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else find_program(name)


def _as_user() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """Whether a process runs; one whose end nobody has asked for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
