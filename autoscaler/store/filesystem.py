"""On what kind of disk a file lies: on one of the network, locks and shared memory fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from autoscaler.errors import Permanent

Probe = Callable[[Path], str]
"""Answers the kind of file system of a directory, in the kernel's words; empty: not known."""

_MOUNTS = Path("/proc/self/mountinfo")
_OF_THE_NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "lustre",
    "afs",
    "gpfs",
    "beegfs",
)
_OF_PROGRAMS = ("sshfs", "glusterfs", "ceph", "s3fs", "rclone", "juicefs", "davfs")
"""Those of the network that a program serves: `fuse.sshfs`."""


def refuse_network(path: str, directory: Path, probe: Probe) -> None:
    """Raises Permanent where the store's directory lies on a file system of the network."""
    kind = probe(directory)
    if kind in _OF_THE_NETWORK or kind.removeprefix("fuse.") in _OF_PROGRAMS:
        raise Permanent(
            f"the store {path} lies on a network file system ({kind}), which does not keep SQLite's"
            " locks: name a local disk, or a PostgreSQL database for a controller that moves"
        )


def kind_of(directory: Path) -> str:
    """The kind of file system that the kernel names for a directory."""
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
        device = directory.stat().st_dev
    except OSError:
        return ""
    return _kind(lines, f"{os.major(device)}:{os.minor(device)}")


def _kind(lines: Iterable[str], device: str) -> str:
    """`36 35 0:31 /root /mount/point options - kind source options`, the device third."""
    for line in lines:
        mount, _, system = line.partition(" - ")
        if mount.split()[2:3] == [device]:
            return system.split()[0]
    return ""
