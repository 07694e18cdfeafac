"""Which files hold policies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

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
