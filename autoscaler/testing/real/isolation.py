"""Namespaces for a private engine: what runs in them ends with them, and leaves no trace.

A first process holds them. It is process 1 of its process namespace, so the kernel kills every
container, shim and proxy with it; their mounts, bridges, routes and firewall rules live in its
mount and network namespaces, and vanish too. A link leads in from the machine, with no default
route: an image that is not there is refused at once instead of being looked for.
"""

import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from autoscaler.testing.real.processes import Child, ProcessFailed, run, wait_until
from autoscaler.testing.real.workspace import Workspace

# The machine's own engine and containerd announce themselves under /run: there they are hidden.
# The directory of its resolver settings, if it lies there, stays. `wait` also reaps orphans.
_HOLD = """
set -e
keep=$1 ready=$2
if [ -n "$keep" ]; then mkdir "$ready.keep"; mount --bind "$keep" "$ready.keep"; fi
mount -t tmpfs none /run
if [ -n "$keep" ]; then mkdir -p "$keep"; mount --move "$ready.keep" "$keep"; fi
: >"$ready"
while :; do sleep 1000 & wait; done
"""

_NAMESPACES = ("--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts")

# 198.18.0.0/15 is set aside for benchmarks: no real network has these addresses.
_LINKS = 1 << 15
_LINK_ATTEMPTS = 20
_BASE = (198 << 24) + (18 << 16)


class Isolation:
    """Process, mount and host-name namespaces, and a network one unless `network` is "host"."""

    def __init__(self, workspace: Workspace, *, private_network: bool, hostname: str) -> None:
        ready = workspace.path / "isolated"
        hold = ["/bin/sh", "-c", _HOLD, "hold", _resolver_directory(), str(ready)]
        command = ["unshare", *_NAMESPACES, *(["--net"] if private_network else []), *hold]
        self._child = Child(command, workspace.path / "isolation.log")
        try:
            self._child.wait_ready(ready.exists, 120)
            self._holder = inner_process(self._child)
            self.run("hostname", hostname)
            self.address, self.gateway = _link(self) if private_network else ("127.0.0.1",) * 2
        except BaseException:
            self._child.kill()
            raise

    @property
    def pid(self) -> int:
        """The process that holds the namespaces."""
        return self._holder

    def entered(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs the command inside."""
        namespaces = ["--pid", "--mount", "--net", "--uts"]
        return ["nsenter", "--target", str(self._holder), *namespaces, "--", *command]

    def run(self, *command: str) -> str:
        return run(self.entered(command))

    def close(self) -> None:
        """End everything inside; the first process goes when all others are gone."""
        with suppress(ProcessLookupError):
            os.kill(self._holder, signal.SIGKILL)
        self._child.stop()


def inner_process(entering: Child) -> int:
    """Return the child of `unshare` or `nsenter` that runs in the inner process namespace."""
    return wait_until(
        lambda: next(filter(_is_inside, _children(entering.pid)), 0),
        timeout=120,
        what=f"the process that {entering.name} starts",
        every=0.01,
    )


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_inside(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
    return False


def _resolver_directory() -> str:
    directory = str(Path("/etc/resolv.conf").resolve().parent)
    return directory if directory.startswith("/run/") else ""


def _link(isolation: Isolation) -> tuple[str, str]:
    """Connect the machine with the namespace; return the inner and the outer address."""
    number = _add_link(isolation.pid)
    outer, inner = (_address(number, end) for end in (1, 2))
    _bring_up(["ip"], f"asbed{number}", outer)
    _bring_up(isolation.entered(["ip"]), "uplink", inner)
    isolation.run("ip", "link", "set", "lo", "up")
    return inner, outer


def _add_link(pid: int) -> int:
    """Take a free link number; the name is unique on the machine, so two never take the same."""
    peer = ["peer", "name", "uplink", "netns", str(pid)]
    for _ in range(_LINK_ATTEMPTS):
        number = random.randrange(_LINKS)
        with suppress(ProcessFailed):
            run(["ip", "link", "add", f"asbed{number}", "type", "veth", *peer])
            return number
    raise ProcessFailed("no network link could be made")


def _bring_up(ip: list[str], link: str, address: str) -> None:
    run([*ip, "address", "add", f"{address}/30", "dev", link])
    run([*ip, "link", "set", link, "up"])


def _address(number: int, end: int) -> str:
    value = _BASE + number * 4 + end
    return ".".join(str(value >> shift & 0xFF) for shift in (24, 16, 8, 0))
