"""`notify` says whether a message gets through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.unit.cli.conftest import Call

SECRET = "canary-of-the-path"


class Taker(HTTPServer):
    """Answers everything with `status`, and keeps what is posted."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Taker

    def do_POST(self) -> None:
        self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def taker() -> Iterator[Taker]:
    with Taker() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
        Path("url").write_text(url)
        Path("settings.yaml").write_text("notifiers: {ops: {type: webhook, url_file: url}}")
        yield server
        server.shutdown()


def test_a_message_that_is_taken_is_said_to_be(call: Call, taker: Taker) -> None:
    result = call("--config", "settings.yaml", "notify", "ops", "--text", "is anybody there?")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("ops took the message, after ")
    assert json.loads(taker.taken[0])["events"][0]["text"] == "is anybody there?"
    told = json.loads(call("--config", "settings.yaml", "notify", "ops", "--json").output)
    assert told["sent"] is True


def test_what_may_be_secret_in_the_text_is_not_sent(call: Call, taker: Taker) -> None:
    call("--config", "settings.yaml", "notify", "ops", "--text", f"token={SECRET}")
    assert SECRET not in taker.taken[0].decode()


def test_one_that_is_refused_is_an_error_that_shows_no_address(call: Call, taker: Taker) -> None:
    taker.status = 404
    result = call("--config", "settings.yaml", "notify", "ops")
    assert result.exit_code == 1
    assert "it answered 404" in result.output
    assert SECRET not in result.output


def test_an_unknown_notifier_is_told_with_those_there_are(call: Call, taker: Taker) -> None:
    result = call("--config", "settings.yaml", "notify", "dev")
    assert result.exit_code == 1
    assert "no notifier 'dev' in the settings; there are: ops" in result.output
