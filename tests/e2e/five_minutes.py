"""The README's start on one's own Swarm, typed on a machine whose engine is a private Swarm.

The machine has what the README takes for granted: a service `shop_web`, and on the network
`monitoring` a Prometheus that knows its requests. Commands run as they are written. Only
`docker build` is led elsewhere: to an engine that reaches a package index, with the arguments
that this takes, since the machine reaches neither an index nor a registry.
"""

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from autoscaler.testing.real.dockerd import PrivateEngine, PrivateSwarm
from autoscaler.testing.real.images import FOREVER, import_busybox
from autoscaler.testing.real.processes import find_program, run, wait_until

ROOT = Path(__file__).parents[2]
OPTIONS = ["--host=unix:///var/run/docker.sock"]
"""The engine's socket is where the README says; the machine's own is hidden from it."""

# Five hundred requests a second, as if they had been scraped.
_RULES = {
    "record": "http_requests_total",
    "expr": "vector(500 * time())",
    "labels": {"service": "shop_web"},
}
_PROMETHEUS = {
    "global": {"evaluation_interval": "1s", "scrape_interval": "1s"},
    "rule_files": ["/etc/prometheus/rules.yml"],
}
_BUILD = """#!/bin/sh
if [ "$1" != build ]; then exec {docker} "$@"; fi
shift
export DOCKER_HOST={builder} DOCKER_BUILDKIT=0
{docker} build {arguments} "$@"
{docker} save autoscaler | DOCKER_HOST=unix:///var/run/docker.sock {docker} load
"""


def commands() -> tuple[list[str], str]:
    """The blocks of the section, and the command that ends it all."""
    text = (ROOT / "README.md").read_text()
    section = text.partition("## Five minutes on your own Swarm\n")[2].partition("\n## ")[0]
    ending = re.search(r"`([^`]+)` ends it", section)
    assert ending is not None
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL), ending[1]


class Machine:
    """A manager of a Swarm, and a shell on it in a copy of the sources."""

    def __init__(self, swarm: PrivateSwarm, directory: Path) -> None:
        self.swarm = swarm
        self._sources = directory / "autoscaler"
        self._programs = directory / "bin"
        self._programs.mkdir()
        for name in ("autoscaler", "requirements"):
            shutil.copytree(ROOT / name, self._sources / name)
        for name in ("Dockerfile", ".dockerignore", "LICENSE", "pyproject.toml"):
            shutil.copy(ROOT / name, self._sources)

    def build_by(self, builder: PrivateEngine, arguments: Sequence[str]) -> None:
        """Lead `docker build` to another engine."""
        script = self._programs / "docker"
        docker, words = find_program("docker"), shlex.join(arguments)
        script.write_text(_BUILD.format(docker=docker, builder=builder.host, arguments=words))
        script.chmod(0o700)

    def type(self, text: str, timeout: float = 120) -> str:
        """Run commands of a shell; raise ProcessFailed when one of them fails."""
        script = f"set -eu; cd {self._sources}; PATH={self._programs}:$PATH\n{text}"
        command = self.swarm.isolation.entered(["sh", "-c", script])
        return run(command, timeout=timeout, env=self.swarm.environment | {"DOCKER_HOST": ""})

    def add_shop(self) -> None:
        """The service that is to be scaled."""
        self.swarm.create("shop_web", import_busybox(self.swarm), command=FOREVER)

    def add_prometheus(self, image: str) -> None:
        """On a network of its own name, out of any image of the machine's own distribution."""
        self.swarm.docker("network", "create", "--driver=overlay", "monitoring")
        self._config("prometheus", _PROMETHEUS)
        self._config("rules", {"groups": [{"name": "shop", "rules": [_RULES]}]})
        program = find_program("prometheus")
        options = [
            "--network=monitoring",
            "--endpoint-mode=dnsrr",
            # The image has one for the autoscaler.
            "--no-healthcheck",
            "--user=root",
            "--entrypoint=prometheus",
            f"--mount=type=bind,source={program},target=/usr/bin/prometheus,readonly",
            "--config=source=prometheus,target=/etc/prometheus/prometheus.yml",
            "--config=source=rules,target=/etc/prometheus/rules.yml",
        ]
        arguments = [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/tmp/data",
        ]
        self.swarm.create("prometheus", image, *options, command=arguments)
        self.swarm.wait_running("prometheus", 1, timeout=180)

    def _config(self, name: str, content: object) -> None:
        self.swarm.docker("config", "create", name, "-", stdin=json.dumps(content).encode())

    def desired(self) -> int:
        """Replicas that the shop's service asks for."""
        form = "--format={{.Spec.Mode.Replicated.Replicas}}"
        return int(self.swarm.docker("service", "inspect", form, "shop_web"))

    def wait_desired(self, replicas: int) -> None:
        """Until it asks for so many."""
        wait_until(lambda: self.desired() == replicas, timeout=180, what=f"{replicas}", every=0.5)
