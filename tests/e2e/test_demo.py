"""The demonstration as a user starts it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autoscaler.testing.real.processes import wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "deploy.demo"]


@pytest.fixture
def environment(need_engine: None, require: Callable[[list[str]], None]) -> dict[str, str]:
    """The machine's own engine is not named, and the load is short."""
    require(PrivatePrometheus.missing())
    return {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"} | {
        "SHORT": "1"
    }


def test_the_demo_shows_the_service_following_its_load(environment: dict[str, str]) -> None:
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The service followed its load, up and down." in done.stdout


@pytest.fixture
def directory() -> Iterator[Path]:
    """One with a short name: those of sockets in it are limited to 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="demo") as path:
        yield Path(path)


def test_the_demo_leaves_nothing_when_it_is_interrupted(
    environment: dict[str, str], directory: Path
) -> None:
    output = directory / "output"
    environment["TMPDIR"] = str(directory)
    with output.open("w") as file:
        demo = subprocess.Popen(
            COMMAND, cwd=ROOT, env=environment, stdout=file, stderr=file, process_group=0
        )
        try:
            wait_until(lambda: "autoscaler: " in output.read_text(), timeout=60, what="a decision")
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            time.sleep(0.2)
            # The impatient press it twice.
            os.killpg(demo.pid, signal.SIGINT)
            code = demo.wait(30)
    assert code == 130, output.read_text()
    assert "everything was ended" in output.read_text()
    assert not list(directory.glob("asbed-*"))
    assert not processes_of(directory)


def processes_of(directory: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(directory) in command:
            found.append(command.decode(errors="replace"))
    return found
