"""`status` and `plan` say which nodes have no agent, where the running service tells."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from autoscaler.cli.covered import covered
from autoscaler.settings import Api, Settings

LINE = "1 of 2 nodes have an agent; not seen on node2: container exits"


class Answering(HTTPServer):
    """Answers every request with the same body."""

    body = b""
    shown: str | None = None
    """What the last request showed of itself."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Answering)
        self.server.shown = self.headers["Authorization"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *given: object) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server: Answering) -> list[str]:
    return covered(Settings(listen=f"127.0.0.1:{server.server_address[1]}"))


def test_what_the_service_tells_is_one_line(service: Answering) -> None:
    service.body = json.dumps({"nodes": [], "told": LINE}).encode()
    assert asked(service) == [f"agents: {LINE}"]


def test_it_shows_a_token_that_lets_it_read_what_the_service_tells(
    service: Answering, tmp_path: Path
) -> None:
    service.body = json.dumps({"told": LINE}).encode()
    tokens = {}
    for name, scope in (("teller", "alerts"), ("ann", "operate")):
        (tmp_path / name).write_text(f"token-of-{name}-in-tests")
        tokens[name] = {"file": tmp_path / name, "scopes": [scope]}
    api = Api.model_validate({"tokens": tokens})
    settings = Settings(listen=f"127.0.0.1:{service.server_address[1]}", api=api)
    assert covered(settings) == [f"agents: {LINE}"]
    assert service.shown == "Bearer token-of-ann-in-tests"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"told": 7}', b"<html>", b"\xff"])
def test_an_answer_of_something_else_is_none(service: Answering, body: bytes) -> None:
    service.body = body
    assert asked(service) == []


def test_where_nobody_answers_there_is_no_line(service: Answering) -> None:
    settings = Settings(listen="127.0.0.1:1")
    assert covered(settings) == []
