"""Child processes that never outlive their parent."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_PORTS = range(15_000, 32_000)
_PORT_ATTEMPTS = 100

# The parent holds the other end of the child's standard input and never writes to it. When the
# parent is gone, however it went, `cat` sees the end and the whole process group is killed. (A
# parent death signal would do the same, but fires as soon as the starting *thread* ends.)
_GUARD = 'exec 3<&0 </dev/null; (cat <&3 >/dev/null; kill -KILL -$$) & exec 3<&-; exec "$@"'

_TAIL = 2_000


class ProcessFailed(RuntimeError):
    """A program that the test bed needs ended, or answered, with an error."""


def missing_programs(*names: str) -> list[str]:
    """Say which of the programs are not installed."""
    return [f"{name} is not installed" for name in names if find_program(name) is None]


def find_program(*names: str) -> str | None:
    """Return the path of the first that is installed; administrators' directories count too."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def run(
    command: Sequence[str],
    *,
    timeout: float = 180,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return what it printed; raise `ProcessFailed` otherwise."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=timeout, check=False, input=stdin, env=_with(env)
        )
    except subprocess.TimeoutExpired as error:
        raise ProcessFailed(f"{' '.join(command)}: no end after {timeout} s") from error
    if done.returncode != 0:
        raise ProcessFailed(f"{' '.join(command)}: {_text(done.stderr or done.stdout)}")
    return _text(done.stdout)


def _with(env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(env or {})}


def _text(output: bytes) -> str:
    return output.decode(errors="replace").strip()


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that was free a moment ago.

    It is none of those that the kernel gives to whoever names none, connections included: one of
    these may be taken again before the port is used. Raises `ProcessFailed` when none is found.
    """
    for _ in range(_PORT_ATTEMPTS):
        port = random.choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind((address, port))
            return port
    raise ProcessFailed(f"no free port at {address}")


def wait_until(condition: Callable[[], T], *, timeout: float, what: str, every: float = 0.05) -> T:
    """Return the condition's first truthy value; raise `TimeoutError` after `timeout` seconds.

    A condition that raises `ProcessFailed` does not hold yet: an engine answers so while it has no
    leader, or too much to do.
    """
    deadline, failure = time.monotonic() + timeout, None
    while True:
        try:
            if value := condition():
                return value
        except ProcessFailed as error:
            failure = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s") from failure
        time.sleep(every)


class Child:
    """A running program, in a process group of its own, that writes to a log file."""

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_with(env),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs, negative after a signal."""
        return self._process.poll()

    def wait_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready()`; raise `ProcessFailed` with the log's end if that never comes."""
        try:
            wait_until(
                lambda: not self.running or ready(), timeout=timeout, what=f"{self.name} ready"
            )
        except TimeoutError as error:
            raise ProcessFailed(f"{error}\n{self.tail()}") from error
        if not self.running:
            code = self._process.returncode
            raise ProcessFailed(f"{self.name} ended with {code}\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-_TAIL:]

    def stop(self, timeout: float = 10) -> None:
        """Ask the program to end, then kill what is left of its process group."""
        if self.running:
            self._process.terminate()
        self.wait_ended(timeout)

    def wait_ended(self, timeout: float) -> None:
        """Wait for the program's own end, then kill what is left of its process group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """Kill the whole process group at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
