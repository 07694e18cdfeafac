"""A running autoscaler without policy files, for services that carry labels."""

import json
import sys
from contextlib import suppress
from datetime import datetime

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from deploy.demo.process import Autoscaler, program

NO_PROMETHEUS = "http://127.0.0.1:9"


class Bed:
    """A running autoscaler without policy files, and the Swarm that it looks after."""

    def __init__(
        self, swarm: PrivateSwarm, interval: float, prometheus: str = NO_PROMETHEUS
    ) -> None:
        self.swarm = swarm
        self.autoscaler = Autoscaler(swarm.host, prometheus, interval)
        self._names: list[str] = []
        self._stacks: list[str] = []

    def create(self, name: str, image: str, *options: str, command: tuple[str, ...] = ()) -> None:
        self._names.append(name)
        self.swarm.create(name, image, "--stop-grace-period=0s", *options, command=command)

    def deploy(self, stack: str, text: str) -> None:
        """`docker stack deploy`, with or without changes."""
        if stack not in self._stacks:
            self._stacks.append(stack)
        command = ["stack", "deploy", "--resolve-image=never", "--compose-file=-", stack]
        self.swarm.docker(*command, stdin=text.encode())

    def relabel(self, name: str, *labels: str) -> None:
        added = [f"--label-add={label}" for label in labels]
        self.swarm.docker("service", "update", "--detach", *added, name)

    def replicas(self, name: str) -> int:
        template = "--format={{.Spec.Mode.Replicated.Replicas}}"
        return int(self.swarm.docker("service", "inspect", template, name))

    def wait_replicas(self, name: str, count: int, timeout: float = 180) -> None:
        wait_until(
            lambda: self.replicas(name) == count,
            timeout=timeout, what=f"{count} replicas of {name}", every=0.1,
        )  # fmt: skip

    def decided(self, name: str, since: float, told: str = "", *, timeout: float = 180) -> float:
        """When the first decision since then was made about a service whose reason says so."""

        def found() -> float | None:
            for line in self.autoscaler.log.read_text().splitlines():
                entry = _entry(line)
                if entry.get("event") == "decision" and entry.get("service") == name:
                    at = datetime.fromisoformat(entry["timestamp"]).timestamp()
                    if at >= since and told in line:
                        return at
            return None

        return wait_until(found, timeout=timeout, what=f"a decision about {name}: {told}") or 0.0

    def asked(self, *command: str) -> str:
        """What the command line says of the running service."""
        return run([program(), *command], env={**self.autoscaler.environment, "COLUMNS": "300"})

    def close(self) -> None:
        # Shown where a test fails.
        sys.stdout.write(self.autoscaler.log.read_text())
        self.autoscaler.close()
        for name in self._names:
            with suppress(ProcessFailed):
                self.swarm.docker("service", "rm", name)
        for stack in self._stacks:
            with suppress(ProcessFailed):
                self.swarm.docker("stack", "rm", stack)


def _entry(line: str) -> dict[str, str]:
    try:
        entry: dict[str, str] = json.loads(line)
    except ValueError:
        return {}
    return entry


def labels(**stated: str) -> list[str]:
    """Options of `docker service create`; two underscores stand for a dot."""
    ours = {"enable": "true", **stated}
    return [f"--label=autoscaler.{key.replace('__', '.')}={text}" for key, text in ours.items()]
