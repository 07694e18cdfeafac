"""A Docker engine, and a Swarm of one node, of one's own.

    with PrivateSwarm() as swarm:
        swarm.create("web", import_busybox(swarm), "--replicas=2", command=FOREVER)
        swarm.wait_running("web", 2)

The engine runs as root in namespaces of its own (see `isolation`), with its data, sockets and
settings in a temporary directory, so several live side by side and beside the machine's own.
All calls block; from a coroutine, use `asyncio.to_thread`.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, TypeVar

from autoscaler.testing.real.isolation import Isolation, inner_process
from autoscaler.testing.real.processes import (
    Child,
    ProcessFailed,
    missing_programs,
    run,
    wait_until,
)
from autoscaler.testing.real.workspace import Workspace

T = TypeVar("T")

_START_TIMEOUT = 180
_STOP_TIMEOUT = 30


def missing_engine() -> list[str]:
    """Say what keeps a private engine from running on this machine; nothing if it can."""
    programs = missing_programs("dockerd", "docker", "iptables", "ip", "nsenter", "unshare")
    return programs if os.geteuid() == 0 else ["not root", *programs]


class PrivateEngine:
    """A dockerd of one's own.

    With `network="host"` its builds reach whatever the machine reaches, by
    `docker build --network host`; it then has no bridge and writes no firewall rules.
    """

    def __init__(
        self,
        *,
        network: Literal["private", "host"] = "private",
        hostname: str = "node1",
        options: Sequence[str] = (),
    ) -> None:
        self._network = network
        self._hostname = hostname
        self._options = list(options)
        self._workspace: Workspace | None = None
        self._isolation: Isolation | None = None
        self._daemon: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Everything that belongs to this engine."""
        return _started(self._workspace).path

    @property
    def socket(self) -> Path:
        return self.directory / "docker.sock"

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """What the daemon has to say."""
        return self.directory / "dockerd.log"

    @property
    def address(self) -> str:
        """Where the machine reaches published ports (`mode=host`) and host-network tasks."""
        return self.isolation.address

    @property
    def gateway(self) -> str:
        """Where tasks reach the machine: listen here to be reached."""
        return self.isolation.gateway

    @property
    def isolation(self) -> Isolation:
        """The namespaces in which everything of this engine runs."""
        return _started(self._isolation)

    @property
    def pid(self) -> int:
        """The daemon's process, as the machine counts."""
        return inner_process(_started(self._daemon))

    @property
    def environment(self) -> dict[str, str]:
        """What a Docker client needs in its environment to talk to this engine, and no other."""
        elsewhere = dict.fromkeys(("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY"), "")
        config = str(self.directory / "client")
        return {"DOCKER_HOST": self.host, "DOCKER_CONFIG": config, **elsewhere}

    def start(self) -> None:
        """Start the engine and wait until it answers; clean up if it never does."""
        self._workspace = Workspace()
        try:
            self._isolation = Isolation(
                self._workspace,
                private_network=self._network == "private",
                hostname=self._hostname,
            )
            self.revive()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the engine and everything it runs, and delete its directory."""
        if self._isolation is not None:
            self._isolation.close()
        if self._daemon is not None:
            self._daemon.kill()
        if self._workspace is not None:
            self._workspace.remove()
        self._daemon = self._isolation = self._workspace = None

    def restart(self) -> None:
        """Stop the daemon as a service manager does, and start it on the same data."""
        self.halt()
        self.revive()

    def halt(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon and leave its data; after SIGKILL its containers run on."""
        daemon = _started(self._daemon)
        os.kill(self.pid, how)
        daemon.wait_ended(_STOP_TIMEOUT)
        self._daemon = None

    def revive(self) -> None:
        """Start the daemon again, as it was, after `halt`."""
        command = self.isolation.entered(self._command())
        self._daemon = Child(command, self.log)
        self._daemon.wait_ready(self._answers, _START_TIMEOUT)

    def crash(self) -> None:
        """Lose everything that runs, as a machine without power does; `revive` boots it."""
        daemon = _started(self._daemon)
        # To -1: all processes of the namespace but the first, which holds it.
        self.isolation.run("sh", "-c", "kill -KILL -1")
        daemon.wait_ended(_STOP_TIMEOUT)
        self._daemon = None

    def freeze(self) -> None:
        """Make the daemon hang until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        # nsenter stops itself along with what it runs, so both are woken.
        for process in (self.pid, _started(self._daemon).pid):
            os.kill(process, signal.SIGCONT)

    def docker(self, *arguments: str, stdin: bytes = b"", timeout: float = 180) -> str:
        """Run the command line client on this engine and return what it prints."""
        # The classic builder is part of every engine; the newer one is a package of its own.
        environment = {**self.environment, "DOCKER_BUILDKIT": "0"}
        return run(["docker", *arguments], timeout=timeout, stdin=stdin, env=environment)

    def _command(self) -> list[str]:
        directory = self.directory
        # Without an own file the daemon reads the machine's settings.
        (directory / "daemon.json").write_text("{}")
        return [
            "dockerd",
            f"--config-file={directory}/daemon.json",
            f"--data-root={directory}/data",
            f"--exec-root={directory}/exec",
            f"--host={self.host}",
            f"--pidfile={directory}/dockerd.pid",
            f"--cgroup-parent=/{directory.name}",
            # systemd would be told process numbers of a namespace that it does not know.
            "--exec-opt=native.cgroupdriver=cgroupfs",
            *(["--bridge=none", "--iptables=false"] if self._network == "host" else []),
            *self._options,
        ]

    def _answers(self) -> bool:
        try:
            self.docker("version", timeout=20)
        except ProcessFailed:
            return False
        return True


def _started(part: T | None) -> T:
    if part is None:
        raise RuntimeError("the engine is not started")
    return part


class Manager(PrivateEngine):
    """An engine that is a manager of a Swarm, and what is asked of one.

    Overlay networks work with `--endpoint-mode dnsrr`; virtual addresses and the ingress mesh
    need IPVS in the kernel, so publish ports with `mode=host`. Create services with
    `--no-resolve-image`: there is no registry.
    """

    def create(self, name: str, image: str, *options: str, command: Sequence[str] = ()) -> None:
        """Create a service without waiting for its tasks."""
        quickly = ("--detach", "--no-resolve-image", f"--name={name}")
        self.docker("service", "create", *quickly, *options, image, *command)

    def running(self, service: str) -> list[str]:
        """Return the ids of the service's tasks that run and should."""
        tasks = self.docker(
            "service", "ps", service, "--no-trunc", "--filter=desired-state=running",
            "--format={{.ID}} {{.CurrentState}}",
        ).splitlines()  # fmt: skip
        return [task.split()[0] for task in tasks if task.split()[1] == "Running"]

    def means_to_run(self, service: str) -> list[str]:
        """Return the ids of the tasks that run or shall run; none once all attempts are used up."""
        # Between two attempts the next task is `ready` to be started.
        alive = ("--filter=desired-state=running", "--filter=desired-state=ready")
        return self.docker("service", "ps", *alive, "--quiet", service).split()

    def wait_running(self, service: str, count: int, *, timeout: float = 180) -> list[str]:
        """Wait until just so many tasks run; return their ids."""
        wait_until(
            lambda: len(self.running(service)) == count,
            timeout=timeout,
            what=f"{count} tasks of {service}",
        )
        return self.running(service)


class PrivateSwarm(Manager):
    """An engine that is the only manager of its Swarm."""

    def start(self) -> None:
        super().start()
        try:
            self.docker(
                "swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377"
            )
        except BaseException:
            self.stop()
            raise
