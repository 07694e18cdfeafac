"""A file's text, within bounds."""

from __future__ import annotations

import stat
from pathlib import Path

from autoscaler.problems import Place, Problem, Problems
from autoscaler.strict_yaml import LARGEST


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
