"""Images made on the spot, since a private engine reaches no registry."""

import io
import tarfile
from typing import Protocol

from autoscaler.testing.real.processes import ProcessFailed, find_program, run

BUSYBOX = "autoscaler-test/busybox:1"

# A command that runs until it is told to stop, and then stops at once.
FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")


class Engine(Protocol):
    """An engine, private or not."""

    def docker(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run the command line client on it and return what it prints."""
        ...


def import_busybox(engine: Engine, name: str = BUSYBOX) -> str:
    """Give the engine an image with a shell and the usual small programs; return its name."""
    engine.docker("import", "--change", 'CMD ["sh"]', "-", name, stdin=_busybox_root())
    return name


def _busybox_root() -> bytes:
    program = find_program("busybox")
    if program is None:
        raise ProcessFailed("busybox is not installed")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as root:
        root.add(program, "bin/busybox", filter=_plain)
        for applet in _applets(program):
            root.addfile(_link(f"bin/{applet}", "busybox"))
        root.addfile(_directory("tmp", 0o1777))
        root.addfile(_directory("etc", 0o755))
    return content.getvalue()


def _applets(program: str) -> list[str]:
    return [name for name in run([program, "--list"]).split() if name != "busybox"]


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


def _link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    return entry


def _directory(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry
