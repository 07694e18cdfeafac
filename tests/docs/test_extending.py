"""The plugins of docs/extending.md are made, installed and used as the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoscaler.testing.real.processes import wait_until

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 30.0
"""Seconds that the service may take for its first action."""


def blocks() -> Iterator[tuple[str, str, str]]:
    """The page's blocks: language, the file that each is, text."""
    for language, title, text in BLOCK.findall(PAGE.read_text()):
        yield language, title or text.partition("\n")[0].removeprefix("# "), text


def commands() -> list[str]:
    """What the page says to type."""
    consoles = "".join(text for language, _, text in blocks() if language == "console")
    return [line.removeprefix("$ ") for line in consoles.splitlines()]


@dataclass(frozen=True, slots=True)
class Project:
    """The package of the page, with what is installed of it."""

    path: Path
    site: Path

    def run(self, *command: str) -> str:
        """What a command of the page prints; it must succeed, and be on the page."""
        assert " ".join(command) in commands()
        done = subprocess.run(
            [*self.program(command[0]), *command[1:]],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def program(self, name: str) -> list[str]:
        """The program that belongs to this Python."""
        module = "autoscaler.cli" if name == "autoscaler" else name
        start = f"from {module} import main; raise SystemExit(main())"
        return [sys.executable, "-c", start]

    @property
    def environment(self) -> dict[str, str]:
        clean = {key: text for key, text in os.environ.items() if "AUTOSCALER" not in key}
        paths = os.pathsep.join([str(self.site), str(ROOT)])
        return {**clean, "PYTHONPATH": paths, "COLUMNS": "200", "NO_COLOR": "1"}

    def replicas(self) -> int:
        """What the cluster's file asks for."""
        found = json.loads((self.path / "cluster.json").read_text())["s1"]["replicas"]
        assert isinstance(found, int)
        return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The page's files, and the package installed without asking anybody for anything."""
    assert "pip install ." in commands()
    path, site = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    for language, name, text in blocks():
        if language != "console":
            place = path / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline, "--target", str(site), "."]
    subprocess.run(pip, cwd=path, check=True, timeout=280)
    return Project(path, site)


@pytest.fixture
def project(installed: Project) -> Iterator[Project]:
    """The project before anything ran, with the number that the page writes."""
    cluster = installed.path / "cluster.json"
    before = cluster.read_text()
    assert {"mkdir numbers", "echo 450 > numbers/web.queue"} <= {*commands()}
    (installed.path / "numbers").mkdir(exist_ok=True)
    (installed.path / "numbers" / "web.queue").write_text("450\n")
    yield installed
    cluster.write_text(before)
    for left in (*installed.path.glob("autoscaler.db*"), *installed.path.glob("told.jsonl")):
        left.unlink()


def test_every_file_of_the_page_is_there(installed: Project) -> None:
    found = {str(each.relative_to(installed.path)) for each in installed.path.rglob("*.*")}
    assert found >= {
        "pyproject.toml",
        "acme_autoscaler/ahead.py",
        "acme_autoscaler/file.py",
        "acme_autoscaler/counts.py",
        "acme_autoscaler/lines.py",
        "tests/test_contracts.py",
        "config/autoscaler.yaml",
        "policies/web.yaml",
        "cluster.json",
    }


def test_the_plugins_are_found(project: Project) -> None:
    lines = project.run("autoscaler", "plugins").splitlines()
    pure, adapters = ("strategies ahead",), ("sources file", "orchestrators counts")
    for kind, name in map(str.split, (*pure, *adapters, "notifiers lines")):
        found = [line for line in lines if line.split()[:3] == [kind, name, "acme-autoscaler"]]
        assert len(found) == 1, lines
        assert "cannot be loaded" not in found[0]


def test_the_policy_and_the_settings_are_right(project: Project) -> None:
    assert "1 policy in 1 file: ok" in project.run("autoscaler", "check")


def test_the_plugins_keep_the_contracts(project: Project) -> None:
    assert " passed" in project.run("pytest")


def test_a_plan_says_what_would_be_done(project: Project) -> None:
    (line,) = [x for x in project.run("autoscaler", "plan").splitlines() if x.startswith("web")]
    assert "scale to 5" in line
    assert project.replicas() == 2


def test_a_pass_scales(project: Project) -> None:
    assert "autoscaler run" in commands()
    start = [*project.program("autoscaler"), "--set", "listen=127.0.0.1:0", "run"]
    service = subprocess.Popen(start, cwd=project.path, env=project.environment)
    try:
        wait_until(lambda: project.replicas() == 5, timeout=PATIENCE, what="5 replicas")
        wait_until((project.path / "told.jsonl").exists, timeout=PATIENCE, what="a line about it")
    finally:
        service.terminate()
        code = service.wait(10)
    assert code == 0
    told = json.loads((project.path / "told.jsonl").read_text().splitlines()[0])
    assert told["title"] == "autoscaler: web scaled"
    assert "scale 2 -> 5" in told["text"]


def test_the_code_is_as_tidy_as_ours(project: Project) -> None:
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml"), "."]
    for check in (["check", *config], ["format", "--check", *config]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check], cwd=project.path, check=False, timeout=280
        )
        assert done.returncode == 0


@pytest.mark.slow
def test_the_code_is_typed(project: Project) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "--cache-dir"]
    done = subprocess.run(
        [*mypy, os.devnull, "acme_autoscaler", "tests"],
        cwd=project.path,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0
