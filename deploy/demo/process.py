"""The autoscaler itself: `autoscaler run`, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from secrets import token_urlsafe

from autoscaler.testing.real.processes import Child, free_port
from autoscaler.testing.real.workspace import Workspace

INTERVAL = 1.0
"""Seconds between two passes over the services."""
SCOPES = ["operate", "alerts"]
_START_TIMEOUT = 180
_STOP_TIMEOUT = 10

# A proxy that the environment names is not for servers of one's own.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Autoscaler:
    """Settings, policies and store in a temporary directory, and the process."""

    def __init__(self, docker_host: str, prometheus: str, interval: float = INTERVAL) -> None:
        self._workspace = Workspace()
        self.directory = self._workspace.path
        self.docker_host = docker_host
        self.policies = self.directory / "policies"
        self.policies.mkdir()
        self.listen = f"127.0.0.1:{free_port()}"
        self.log = self.directory / "autoscaler.log"
        self.config = self.directory / "autoscaler.yaml"
        self.config.write_text(json.dumps(self._settings(prometheus, interval), indent=2))
        self.token = self.directory / "token"
        self.process: Child | None = None

    @property
    def page(self) -> str:
        """Where it serves."""
        return f"http://{self.listen}"

    def take_alerts(self) -> str:
        """Before the start: let in who shows the token, also with alerts; answer where to."""
        self.token.write_text(token_urlsafe())
        self._set("api", {"tokens": {"own": {"file": str(self.token), "scopes": SCOPES}}})
        return f"http://{self.listen}/api/v1/alertmanager"

    def ask(self, *alertmanagers: str) -> None:
        """Before the start: have it ask these what fires."""
        sources = json.loads(self.config.read_text())["sources"]
        self._set("sources", {**sources, "alertmanager": {"urls": alertmanagers}})

    def _set(self, key: str, value: object) -> None:
        settings = json.loads(self.config.read_text())
        self.config.write_text(json.dumps({**settings, key: value}, indent=2))

    @property
    def environment(self) -> dict[str, str]:
        """For this program, and for a person who wants to look at it. Hides what else is set."""
        ours = dict.fromkeys((name for name in os.environ if name.startswith("AUTOSCALER_")), "")
        return ours | {"AUTOSCALER_CONFIG": str(self.config), "DOCKER_HOST": self.docker_host}

    def start(self) -> Child:
        """Start it, and wait until it is ready."""
        self.process = Child([program(), "run"], self.log, self.environment)
        self.process.wait_ready(self.is_ready, _START_TIMEOUT)
        return self.process

    def close(self) -> None:
        """End the process and delete the directory."""
        if self.process is not None:
            self.process.stop(_STOP_TIMEOUT)
        self._workspace.remove()

    def is_ready(self) -> bool:
        """Whether it makes passes."""
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """The status and text of one of its pages; status 0 when there is no answer."""
        try:
            with _http.open(self._request(path), timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def _request(self, path: str) -> urllib.request.Request:
        shown = {"Authorization": f"Bearer {self.token.read_text()}"} if self.token.exists() else {}
        return urllib.request.Request(f"http://{self.listen}{path}", headers=shown)

    def _settings(self, prometheus: str, interval: float) -> dict[str, object]:
        """JSON is YAML."""
        return {
            "interval": f"{interval:g}s",
            "policies": [str(self.policies)],
            "store": str(self.directory / "autoscaler.db"),
            "listen": self.listen,
            "log": {"format": "json"},
            # The service is most of its Swarm, and may lose nearly all of its replicas at once.
            "brake": {"at_least": 20},
            "sources": {"prometheus": {"urls": [prometheus]}},
        }


def program() -> str:
    """The command that was installed beside this Python."""
    return str(Path(sys.executable).with_name("autoscaler"))
