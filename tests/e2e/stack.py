"""The stack of `deploy/stack.yml` in a cluster, as a person with the command line sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from tests.e2e.project_image import IMAGE

ROOT = Path(__file__).parents[2]
STACK = ROOT / "deploy" / "stack.yml"
PAGE = ROOT / "docs" / "deploy.md"
NAME = "autoscaler"
CONTROLLER = f"{NAME}_controller"
GATE = f"{NAME}_gate"
"""The agents of managers."""
NETWORK = f"{NAME}_control"
NOTHING: Mapping[str, str] = MappingProxyType({})
SOCKET = "/var/run/docker.sock"
OPTIONS = [f"--host=unix://{SOCKET}"]
"""For the engines: their socket is where the stack mounts it from; the machine's is hidden."""

INTERVAL = "5s"
"""The time between two passes."""

_START_TIMEOUT = 240
_READ_PAGE = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:9095/metrics").read().decode())
"""
_COUNT_RELEASES = """
import sqlite3, sys
store = sqlite3.connect("file:/var/lib/autoscaler/autoscaler.db?mode=ro", uri=True)
asked = "select count(*) from revisions where service_id = ?"
print(store.execute(asked, sys.argv[1:]).fetchone()[0])
"""


def commands() -> list[str]:
    """The blocks of the page that start it."""
    section = PAGE.read_text().partition("## Five minutes\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


class Line(NamedTuple):
    """A line of the controller's log."""

    at: float
    """Unix seconds."""
    event: str
    service: str
    reasons: list[str]
    fields: Mapping[str, Any]
    """All of it."""


class Stack:
    """The autoscaler in a cluster whose nodes have its image."""

    def __init__(self, cluster: PrivateCluster) -> None:
        self.cluster = cluster
        self.manager = cluster.nodes[0]
        self._ask = ""

    def deploy(self, directory: Path) -> None:
        """As the page says, until the controller is healthy and has an agent on each node."""
        (directory / "deploy").symlink_to(STACK.parent)
        _build, prepare, policy, start, self._ask = commands()
        settings = {"AUTOSCALER_IMAGE": IMAGE, "AUTOSCALER_INTERVAL": INTERVAL}
        self.type(f"cd {directory}\n{prepare}\n{policy}\n{start}", settings)
        self.manager.wait_running(CONTROLLER, 1, timeout=_START_TIMEOUT)
        wait_until(self._has_agents, timeout=_START_TIMEOUT, what="the agents", every=1)

    def ask(self) -> str:
        """What it answers as the page says."""
        return self.type(self._ask)

    def type(self, text: str, settings: Mapping[str, str] = NOTHING) -> str:
        """Run commands of a shell on the first manager, whose engine is where it always is."""
        command = self.manager.isolation.entered(["sh", "-euc", text])
        return run(command, env={**self.manager.environment, **settings, "DOCKER_HOST": ""})

    def keep_policy(self, name: str, text: str) -> None:
        """Put a policy file into a config."""
        label = "--label=autoscaler.policy=true"
        self.manager.docker("config", "create", label, name, "-", stdin=text.encode())

    def drop_policy(self, name: str) -> None:
        """Remove a config."""
        self.manager.docker("config", "rm", name)

    def controller_node(self) -> ClusterNode:
        """Where the controller runs. Raises ProcessFailed while it is between two tasks."""
        places = self.manager.places(CONTROLLER)
        if len(places) != 1:
            raise ProcessFailed(f"the controller runs on {places or 'no node'}")
        return next(node for node in self.cluster.nodes if node.hostname == places[0])

    def told(self, *command: str) -> str:
        """What the command line in the controller's container answers."""
        return self._in_controller("autoscaler", *command)

    def kept_releases(self, service: str) -> int:
        """How many good releases of a service there are to go back to."""
        service_id = self.manager.docker("service", "inspect", "--format={{.ID}}", service)
        return int(self._in_controller("python3", "-c", _COUNT_RELEASES, service_id))

    def metric(self, name: str) -> float:
        """A value of the controller's page."""
        page = self._in_controller("python3", "-c", _READ_PAGE)
        return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name))

    def log(self) -> list[Line]:
        """What the controller has said so far."""
        node = self.controller_node()
        shell = ["sh", "-c", '"$@" 2>&1', "sh"]
        command = ["docker", "logs", container_of(node, CONTROLLER)]
        return [_line(text) for text in run([*shell, *command], env=node.environment).splitlines()]

    def _in_controller(self, *command: str) -> str:
        node = self.controller_node()
        return node.docker("exec", container_of(node, CONTROLLER), *command)

    def _has_agents(self) -> bool:
        nodes = {node.hostname for node in self.cluster.nodes}
        came = {line.fields["node"] for line in self.log() if line.event == "agent came"}
        return nodes <= came and len(self.manager.running(GATE)) == len(nodes)


def container_of(node: ClusterNode, task: str) -> str:
    """The container on a node of a service, or of one task by its slot: `web`, `web.2`."""
    return node.docker("ps", "--quiet", "--last=1", f"--filter=name=^{task}\\.")


def _line(text: str) -> Line:
    read = json.loads(text)
    at = datetime.fromisoformat(read["timestamp"]).timestamp()
    reasons = read.get("reason", "").split("; ")
    return Line(at, read["event"], read.get("service", ""), reasons, read)
