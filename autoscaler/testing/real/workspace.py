"""A temporary directory whose leftovers the next one sweeps up.

Its owner holds a lock on it. The kernel drops the lock when the owner dies, so a directory that
can be locked belongs to nobody and goes, and so do the control groups that bear its name.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "asbed-"
_LOCK = "owner"
_CGROUPS = Path("/sys/fs/cgroup")


class Workspace:
    """A directory of one's own until `remove()`, or until the owner's death and the next sweep."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.name = self.path.name
        self._lock = _lock_new(self.path)

    def remove(self) -> None:
        """Delete the directory and everything that bears its name."""
        _delete(self.path)
        with suppress(OSError):
            os.close(self._lock)


def sweep() -> None:
    """Delete the directories whose owners are dead."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = _try_lock(path)
        if lock is not None:
            _delete(path)
            os.close(lock)


def _lock_new(path: Path) -> int:
    """Lock first, name later: a sweep never sees the lock of a living owner open."""
    draft = path / f".{_LOCK}"
    lock = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    draft.rename(path / _LOCK)
    return lock


def _try_lock(path: Path) -> int | None:
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _delete(path: Path) -> None:
    _delete_control_groups(path.name)
    shutil.rmtree(path, ignore_errors=True)


def _delete_control_groups(name: str) -> None:
    """Remove the empty groups that killed containers left, in either version's layout."""
    for top in [_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")]:
        for group, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(group).rmdir()
