"""A stand-in for the `python` image, made from the machine's own distribution.

It costs a minute to make and is kept in the user's cache. It trusts whom the machine trusts, so
that pip in it reaches an index behind the same proxies.
"""

import os
import platform
from contextlib import suppress
from pathlib import Path

from autoscaler.testing.real.dockerd import PrivateEngine
from autoscaler.testing.real.processes import ProcessFailed, find_program, missing_programs, run
from autoscaler.testing.real.workspace import Workspace

PYTHON = "autoscaler-test/python:1"

_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_MAKE_TIMEOUT = 600
_IMPORT_TIMEOUT = 120


def missing_base() -> list[str]:
    """Say what keeps the stand-in from being made; nothing if it can."""
    return [] if _cached().exists() else missing_programs("debootstrap")


def import_python(engine: PrivateEngine, name: str = PYTHON) -> str:
    """Give the engine the stand-in; return its name."""
    if not _cached().exists():
        _make(_cached())
    certificates = f"ENV PIP_CERT={_CERTIFICATES} SSL_CERT_FILE={_CERTIFICATES}"
    engine.docker("import", "--change", certificates, str(_cached()), name, timeout=_IMPORT_TIMEOUT)
    return name


def _cached() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return Path(cache) / "autoscaler-tests" / f"{release}-{platform.machine()}.tar"


def _make(archive: Path) -> None:
    """Write the archive beside its place first: half a one is never found there."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    workspace = Workspace()
    try:
        root = workspace.path / "root"
        run(_debootstrap(root), timeout=_MAKE_TIMEOUT, env={"DEBIAN_FRONTEND": "noninteractive"})
        _trust_whom_the_machine_trusts(root)
        draft = archive.with_suffix(f".{os.getpid()}")
        run(["tar", "-C", str(root), "--exclude=./var/cache/apt/*", "-cf", str(draft), "."])
        draft.rename(archive)
    finally:
        workspace.remove()


def _debootstrap(root: Path) -> list[str]:
    program = find_program("debootstrap")
    if program is None:
        raise ProcessFailed("debootstrap is not installed")
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    components = "main,universe" if platform.freedesktop_os_release()["ID"] == "ubuntu" else "main"
    options = ["--variant=minbase", f"--include={_PACKAGES}", f"--components={components}"]
    return [program, *options, release, str(root), *_mirror(release)]


def _mirror(release: str) -> list[str]:
    """Return where the machine's own packages come from, if it says so."""
    wanted = ["Created-By: Packages", f"Release: {release}", "Component: main"]
    with suppress(ProcessFailed, FileNotFoundError):
        sites = run(["apt-get", "indextargets", "--format=$(SITE)", *wanted]).splitlines()
        return [site for site in sites if site.startswith("http")][:1]
    return []


def _trust_whom_the_machine_trusts(root: Path) -> None:
    if _CERTIFICATES.exists():
        (root / _CERTIFICATES.relative_to("/")).write_bytes(_CERTIFICATES.read_bytes())
