"""A file on a file system of the network is refused, before anything of it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.errors import Permanent
from autoscaler.store import SqliteStore
from autoscaler.store.filesystem import kind_of


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs"])
async def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Permanent, match=rf"network file system \({kind}\).* a local disk"):
        await SqliteStore.open(tmp_path / "autoscaler.db", probe=lambda _: kind)
    assert not (tmp_path / "autoscaler.db").exists()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", ""])
async def test_a_disk_and_what_is_not_known_are_taken(tmp_path: Path, kind: str) -> None:
    store = await SqliteStore.open(tmp_path / "autoscaler.db", probe=lambda _: kind)
    await store.close()


def test_the_kernel_is_asked_for_the_kind() -> None:
    assert kind_of(Path("/proc")) == "proc"


def test_a_directory_that_is_not_there_is_of_no_kind(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "none") == ""
