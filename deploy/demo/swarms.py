"""Where the demonstration runs: in a private Swarm, or in one that its user names."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until

STACK = "autoscaler-demo"
SERVICE = f"{STACK}_worker"
IMAGE = f"{STACK}/worker:1"
MISSING = f"{STACK}/worker:2"
"""An image that nobody has."""

_HERE = Path(__file__).parent
_OURS = f"label=com.docker.stack.namespace={STACK}"


class Swarm(Protocol):
    """A Swarm manager, and where its tasks reach this process."""

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST."""
        ...

    @property
    def gateway(self) -> str:
        """The address of this machine as tasks on the host's network see it."""
        ...

    def docker(self, *arguments: str, stdin: bytes = b"", timeout: float = 180) -> str:
        """Run the command line client."""
        ...


class NamedSwarm:
    """A Swarm that was there before: nothing is started, and nothing else is touched in it."""

    def __init__(self, host: str, address: str | None) -> None:
        self.host = host
        self.gateway = address or _own_address(host)

    def docker(self, *arguments: str, stdin: bytes = b"", timeout: float = 180) -> str:
        """Run the command line client on the named engine."""
        environment = {"DOCKER_HOST": self.host}
        return run(["docker", *arguments], timeout=timeout, stdin=stdin, env=environment)

    def __enter__(self) -> Self:
        if self.docker("info", "--format={{.Swarm.ControlAvailable}}") != "true":
            raise ProcessFailed(f"{self.host} is not a Swarm manager")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The engine stays as it is."""


def _own_address(host: str) -> str:
    """The address from which this machine reaches the engine's."""
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return "127.0.0.1"
    if parts.scheme not in ("tcp", "http", "https") or parts.hostname is None:
        raise ProcessFailed(f"DOCKER_HOST is {host}: the demonstration needs unix:// or tcp://")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port or 2375))
        address: str = probe.getsockname()[0]
        return address


def chosen(host: str | None, address: str | None) -> AbstractContextManager[Swarm]:
    """The Swarm that the user names, and how its tasks reach us; or a private one."""
    return NamedSwarm(host, address) if host else PrivateSwarm()


class Stack:
    """The sample service, deployed as a stack."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm

    def deploy(self, queue: str) -> None:
        """Start one worker of the queue at this URL, and wait until it runs."""
        import_busybox(self._swarm, IMAGE)
        node = self._swarm.docker("info", "--format={{.Swarm.NodeID}}")
        values = {"IMAGE": IMAGE, "QUEUE": queue, "NODE": node, "DIR": str(_HERE)}
        text = (_HERE / "stack.yaml").read_text()
        for name, value in values.items():
            text = text.replace(f"${{DEMO_{name}}}", value)
        command = ["stack", "deploy", "--resolve-image=never", "--compose-file=-", STACK]
        self._swarm.docker(*command, stdin=text.encode())
        wait_until(self._runs, timeout=180, what="the first worker", every=0.3)

    def refuse_another(self) -> None:
        """Raise if somebody has a stack of this name."""
        if STACK in self._swarm.docker("stack", "ls", "--format={{.Name}}").split():
            raise ProcessFailed(
                f"a stack named {STACK} is there already; if an earlier demonstration left it:"
                f" docker stack rm {STACK}"
            )

    def remove(self) -> None:
        """Remove the service, its tasks and the image."""
        with suppress(ProcessFailed, TimeoutError):
            self._swarm.docker("stack", "rm", STACK)
            wait_until(self._is_empty, timeout=30, what="the end of the tasks", every=0.3)
            self._swarm.docker("image", "rm", IMAGE)

    def _runs(self) -> bool:
        return bool(self._swarm.docker("ps", "--quiet", f"--filter={_OURS}"))

    def _is_empty(self) -> bool:
        return not self._swarm.docker("ps", "--all", "--quiet", f"--filter={_OURS}")
