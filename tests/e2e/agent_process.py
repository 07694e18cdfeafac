"""`autoscaler agent` in a process of its own, and a controller that takes agents."""

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from autoscaler.testing.real.processes import Child, free_port
from deploy.demo.process import Autoscaler, program

NOWHERE = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef-of-the-tests"


class Controller(Autoscaler):
    """A controller that knows the token."""

    def __init__(self, docker_host: str, policy: str, interval: float) -> None:
        super().__init__(docker_host, NOWHERE, interval)
        self.token = self.directory / "token"
        self.token.write_text(TOKEN)
        (self.policies / "policy.yaml").write_text(policy)

    def set(self, **settings: object) -> None:
        """State more settings, before it is started."""
        known = json.loads(self.config.read_text())
        known["agents"] = {"token_file": str(self.token), **dict(known.get("agents", {}))}
        self.config.write_text(json.dumps({**known, **settings}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def knows(self, hostname: str) -> bool:
        """Whether the node's agent is there."""
        status, body = self.get("/agents")
        nodes = json.loads(body)["nodes"] if status == 200 else []
        return any(node["hostname"] == hostname and node["agent"] for node in nodes)

    def told(self) -> str:
        """Its log."""
        return self.log.read_text()


class AgentProcess:
    """An agent of the engine at `docker_host`."""

    def __init__(
        self,
        docker_host: str,
        controller: Controller,
        token: Path,
        name: str,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.port = free_port()
        self.log = controller.directory / f"{name}.log"
        command = [program(), "agent", f"--controller=http://{controller.listen}"]
        command += [f"--token-file={token}", f"--listen=127.0.0.1:{self.port}"]
        environment = {**controller.environment, "DOCKER_HOST": docker_host}
        environment |= {"AUTOSCALER_CONFIG": "", **settings}
        self.process = Child(command, self.log, environment)

    def answers(self) -> bool:
        """Whether it watches its engine."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def close(self) -> None:
        """End it."""
        self.process.stop(10)
