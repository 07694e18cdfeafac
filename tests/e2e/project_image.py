"""The image as its users build it, on a base of the machine's own distribution."""

import os
import subprocess
import sys
from pathlib import Path

from autoscaler.testing.real.base_image import import_python
from autoscaler.testing.real.dockerd import PrivateEngine

IMAGE = "autoscaler:test"
_BASE = "autoscaler-test/python:1"

_ROOT = Path(__file__).parents[2]
_PIP_OPTIONS = {
    "PIP_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url",
    "PIP_TRUSTED_HOST": "trusted-host",
}


def build(engine: PrivateEngine) -> None:
    """Build the image in an engine that reaches what the machine reaches."""
    import_python(engine, _BASE)
    engine.docker("build", *arguments(), f"--tag={IMAGE}", str(_ROOT), timeout=900)


def arguments() -> list[str]:
    """What the build is told about where it happens."""
    return ["--network=host", f"--build-arg=BASE={_BASE}", *_pip_arguments()]


def _pip_arguments() -> list[str]:
    """Say to pip in the build what was said to pip on this machine; local folders stay here."""
    values = {name: os.environ.get(name) or _pip_setting(key) for name, key in _PIP_OPTIONS.items()}
    remote = {name: _without_folders(value) for name, value in values.items()}
    return [f"--build-arg={name}={value}" for name, value in remote.items() if value]


def _pip_setting(key: str) -> str:
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{key}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _without_folders(value: str) -> str:
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/")))
