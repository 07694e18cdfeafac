"""Notifiers speak TLS to hosts whose certificate only a private authority knows."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from autoscaler.adapters import adapter
from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Happening, HappeningKind, Message, Severity
from autoscaler.ports import Notifier

TOLD = Happening(at=1.0, kind=HappeningKind.NOTICE, severity=Severity.INFO, text="a test")
MESSAGE = Message(at=1.0, happenings=(TOLD,))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is its own authority."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing")
    directory = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", f"{directory}/key", "-out", f"{directory}/cert"]
    subprocess.run([*words.split(), *names, *out], check=True, capture_output=True)
    (directory / "nonsense").write_text("no certificate")
    return directory


@pytest.fixture
async def url(files: Path) -> AsyncIterator[str]:
    """Where everything is taken."""

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/{place:.*}", take)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files / "cert", files / "key")
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=context)
    yield f"https://127.0.0.1:{server.port}"
    await server.close()


def notifier(plugin: str, url: str, **stated: Any) -> Notifier:
    places = {"url": url} if plugin == "webhook" else {"urls": [url]}
    made: Notifier = adapter("notifiers", {"type": plugin, **places, **stated})
    return made


@pytest.mark.parametrize("plugin", ["webhook", "alertmanager"])
async def test_a_private_authority_is_trusted_where_it_is_named(
    plugin: str, url: str, files: Path
) -> None:
    knows, stranger = notifier(plugin, url, ca_file=files / "cert"), notifier(plugin, url)
    await knows.send(MESSAGE)
    with pytest.raises(Temporary, match="TLS: "):
        await stranger.send(MESSAGE)
    await knows.close()
    await stranger.close()


@pytest.mark.parametrize("file", ["nonsense", "gone"])
async def test_a_file_without_a_certificate_is_named(url: str, files: Path, file: str) -> None:
    made = notifier("webhook", url, ca_file=files / file)
    with pytest.raises(Permanent, match=f"cannot use the authorities in .*{file}"):
        await made.send(MESSAGE)
    with pytest.raises(Permanent, match=f"cannot use the authorities in .*{file}"):
        made.pace.check_files()
    await made.close()
