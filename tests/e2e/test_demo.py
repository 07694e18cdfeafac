"""The demonstration as a user starts it: what it shows, says and leaves."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autoscaler.testing.real.processes import wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
# A shell's background jobs, and all that they start, would not be told of a Ctrl-C.
COMMAND = ["env", "--default-signal=INT", sys.executable, "-m", "deploy.demo"]
TO_SET_UP, TO_PLAY, TO_END = 300, 600, 180
"""Seconds: far more than it takes, for machines with much else to do."""


class Demo:
    """A demonstration with a short load, that keeps everything in a directory of its own."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self._output = directory / "output"
        inherited = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        ours = {"SHORT": "1", "TMPDIR": str(directory)} | environment
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=inherited | ours,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str, timeout: float) -> None:
        """Until it says so."""
        wait_until(lambda: text in self.output or self.ended, timeout=timeout, what=text)
        assert text in self.output, self.output

    def wait(self, timeout: float) -> int:
        """Its exit code."""
        return self._process.wait(timeout)

    def interrupt(self) -> None:
        """What Ctrl-C does, to all that a terminal would tell."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        """Have it end, whatever it does."""
        with suppress(subprocess.TimeoutExpired):
            self._process.terminate()
            self._process.wait(TO_END)
        self._process.kill()
        self._process.wait()

    def left(self) -> list[str]:
        """What still is there: directories, mounts, and processes by their environment."""
        mounts = Path("/proc/mounts").read_text().splitlines()
        return [
            *map(str, self.directory.glob("asbed-*")),
            *(mount for mount in mounts if str(self.directory) in mount),
            *processes_of(self.directory),
        ]


def processes_of(directory: Path, named: str = "") -> list[str]:
    """Every process that was started from there has the directory in its environment."""
    return [process.name for process in _processes(directory) if named in _text(process, "cmdline")]


def _processes(directory: Path) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        if str(directory) in _text(process, "environ") + _text(process, "cmdline"):
            yield process


def _text(process: Path, of: str) -> str:
    with suppress(OSError):
        return (process / of).read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


Start = Callable[..., Demo]


@pytest.fixture
def start(need_engine: None, require: Callable[[list[str]], None]) -> Iterator[Start]:
    """Start a demonstration. The name of its directory is short: sockets' are limited to 107."""
    require(PrivatePrometheus.missing())
    with tempfile.TemporaryDirectory(prefix="demo") as path:
        demos: list[Demo] = []

        def start(**environment: str) -> Demo:
            demos.append(Demo(Path(path), **environment))
            return demos[-1]

        yield start
        for demo in demos:
            demo.close()


def test_it_shows_a_service_scaled_then_healed_stays_if_told_to_and_leaves_nothing(
    start: Start,
) -> None:
    demo = start(KEEP="1")
    demo.wait_for("autoscaler: ", TO_SET_UP)
    assert demo.left(), "what is looked for afterwards is not even seen while it runs"
    demo.wait_for("tail -f ", TO_PLAY)
    assert "The service followed its load, up and down, and was healed." in demo.output
    assert "autoscaler: restart: " in demo.output
    assert "autoscaler: rollback: " in demo.output
    found = re.search(r"Bearer \$\(cat (\S+)\)\" (http\S+/metrics)", demo.output)
    assert found is not None, demo.output
    shown = {"Authorization": f"Bearer {Path(found[1]).read_text()}"}
    with urllib.request.urlopen(
        urllib.request.Request(found[2], headers=shown), timeout=180
    ) as page:
        assert b"autoscaler_" in page.read()
    assert not demo.ended
    demo.interrupt()
    assert demo.wait(TO_END) == 0, demo.output
    assert not demo.left()


def test_it_leaves_nothing_when_it_is_interrupted(start: Start) -> None:
    demo = start()
    demo.wait_for("autoscaler: ", TO_SET_UP)
    demo.interrupt()
    # The impatient press it twice.
    time.sleep(0.2)
    demo.interrupt()
    assert demo.wait(TO_END) == 130, demo.output
    assert "everything was ended" in demo.output
    assert not demo.left()


def test_it_fails_and_leaves_nothing_when_the_autoscaler_dies(start: Start) -> None:
    demo = start()
    demo.wait_for("autoscaler: ", TO_SET_UP)
    for process in processes_of(demo.directory, named="autoscaler run"):
        os.kill(int(process), signal.SIGKILL)
    assert demo.wait(TO_END) == 1, demo.output
    assert "the autoscaler ended" in demo.output
    assert not demo.left()
