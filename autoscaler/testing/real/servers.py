"""What Prometheus and Alertmanager have in common: a config file, a port, and a ready page."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from autoscaler.testing.real.processes import (
    Child,
    ProcessFailed,
    find_program,
    free_port,
    missing_programs,
)
from autoscaler.testing.real.workspace import Workspace

Config = Mapping[str, Any] | str

_START_TIMEOUT = 180
_ANSWER_TIMEOUT = 20
_ATTEMPTS = 3

# A proxy that the environment names is not for servers of one's own.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PrivateServer:
    """A web server of one's own, from a configuration given as text or as a mapping."""

    programs: ClassVar[tuple[str, ...]]

    def __init__(self, config: Config, *options: str, address: str = "127.0.0.1") -> None:
        self._config = config
        self.options = options
        self._address = address
        self._port = 0
        self._workspace: Workspace | None = None
        self._child: Child | None = None

    @classmethod
    def missing(cls) -> list[str]:
        """Say what keeps this server from running on this machine; nothing if it can."""
        return [] if find_program(*cls.programs) else missing_programs(cls.programs[0])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.listen_address}"

    @property
    def listen_address(self) -> str:
        return f"{self._address}:{self._port}"

    @property
    def directory(self) -> Path:
        if self._workspace is None:
            raise RuntimeError(f"{self.programs[0]} is not started")
        return self._workspace.path

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        self._workspace = Workspace()
        try:
            self._start_on_a_free_port()
        except BaseException:
            self.stop()
            raise

    def _start_on_a_free_port(self) -> None:
        """Somebody may take the port between the look and the bind: look again then."""
        self._write_config()
        for attempt in range(_ATTEMPTS):
            self._port = free_port(self._address)
            try:
                self._launch()
            except ProcessFailed as error:
                if "address already in use" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def restart(self) -> None:
        """Stop the server and start it on the same port and data."""
        self.halt()
        self.revive()

    def halt(self) -> None:
        """Stop the server and leave its data and its port."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def revive(self) -> None:
        """Start the server again, as it was, after `halt`."""
        self._launch()

    def stop(self) -> None:
        """Stop the server and delete its data."""
        self.halt()
        if self._workspace is not None:
            self._workspace.remove()
            self._workspace = None

    def reload(self, config: Config | None = None) -> None:
        """Read the configuration, or another one, anew; raise `ProcessFailed` if it is refused."""
        if config is not None:
            self._config = config
        self._write_config()
        self.post("/-/reload")

    def get(self, path: str) -> bytes:
        """Return the body of a page; raise `ProcessFailed` if it is not to be had."""
        return self._fetch(urllib.request.Request(self.url + path))

    def post(self, path: str, body: object = None) -> bytes:
        """Post a JSON body; return the answer's."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self._fetch(urllib.request.Request(self.url + path, data, headers))

    def _fetch(self, request: urllib.request.Request) -> bytes:
        try:
            with _http.open(request, timeout=_ANSWER_TIMEOUT) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ProcessFailed(f"{request.full_url}: {error.code} {text}") from error
        except OSError as error:
            raise ProcessFailed(f"{request.full_url}: {error}") from error

    def _launch(self) -> None:
        program = find_program(*self.programs) or self.programs[0]
        self._child = Child([program, *self.arguments(), *self.options], self.log)
        self._child.wait_ready(self._ready, _START_TIMEOUT)

    def arguments(self) -> list[str]:
        """Return the program's command line, without what the user adds."""
        raise NotImplementedError

    @property
    def config_file(self) -> Path:
        return self.directory / "config.yml"

    def _write_config(self) -> None:
        """JSON is YAML."""
        config = self._config
        self.config_file.write_text(config if isinstance(config, str) else json.dumps(config))

    def _ready(self) -> bool:
        try:
            self.get("/-/ready")
        except ProcessFailed:
            return False
        return True
