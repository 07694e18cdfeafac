"""Which files hold policies, and their text, within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoscaler.problems import Place, Problem, Problems
from autoscaler.strict_yaml import LARGEST

MOST_FILES = 5000
SUFFIXES = (".yaml", ".yml")
PASSED_OVER = "examples"
"""A sub-directory of this name is documentation, not policy."""


def find(paths: Iterable[Path]) -> list[Path]:
    """The policy files among and below some paths, sorted below each, each once.

    A path to a file counts whatever its name. Below a directory count `*.yaml` and `*.yml`,
    in sub-directories too; hidden files and directories and `examples` do not. A symbolic
    link to a file is followed, so `shop.yaml -> ..data/shop.yaml` works as mounted configs
    have it.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_below(path) if path.is_dir() else (path,)))
    return list(found)


def directories(paths: Iterable[Path]) -> list[Path]:
    """The directories in which a change may change what `find` answers."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(Path(here) for here, _, _ in _walk(path)))
        elif path.parent.is_dir():
            found[path.parent] = None
    return list(found)


def fingerprint(paths: Iterable[Path]) -> frozenset[tuple[str, int, int, int]]:
    """Differs when a file came, went or was written: path, inode, time, size of each."""
    return frozenset(_stamp(path) for path in find(paths))


def read_text(path: Path, name: str = "") -> str:
    """A file's text. Raises Problems: missing, not a file, too large, not UTF-8."""
    name = name or str(path)
    try:
        return decode(_read_bytes(path), name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Problems([Problem(name, None, (), f"cannot be read: {reason}")]) from error


def decode(content: bytes, name: str) -> str:
    """The text of a file. Raises Problems with the place where it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise Problems([Problem(name, place, (), "not UTF-8 text")]) from error


def _read_bytes(path: Path) -> bytes:
    """Raises OSError. A pipe would block for ever, so it is not opened at all."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{'a directory' if path.is_dir() else 'a device'}, not a file")
    if status.st_size > LARGEST:
        raise OSError(f"larger than {LARGEST // 1024} KiB: split it into several files")
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _below(directory: Path) -> Iterator[Path]:
    for here, _, names in _walk(directory):
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(here, name)


def _walk(directory: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for here, inner, names in os.walk(directory):
        inner[:] = sorted(n for n in inner if n != PASSED_OVER and not n.startswith("."))
        yield here, inner, names


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), status.st_ino, status.st_mtime_ns, status.st_size
