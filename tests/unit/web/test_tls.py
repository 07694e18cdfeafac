"""HTTPS, and who must show a certificate of their own."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from autoscaler.cli import healthcheck
from autoscaler.cli.line import own_tls
from autoscaler.errors import Permanent
from autoscaler.settings import Api
from autoscaler.telemetry import Telemetry
from autoscaler.web import Site, build, serve, tls

TOKEN = "reads-of-the-tests"
Ask = Callable[[str, bool], AbstractAsyncContextManager[aiohttp.ClientResponse]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is its own authority, for both sides."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing")
    directory = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", f"{directory}/key", "-out", f"{directory}/cert"]
    subprocess.run([*words.split(), *names, *out], check=True, capture_output=True)
    (directory / "token").write_text(TOKEN)
    return directory


@pytest.fixture
def api(files: Path) -> Api:
    """HTTPS alone, with client certificates."""
    given = {"tls_cert": files / "cert", "tls_key": files / "key", "client_ca": files / "cert"}
    return Api.model_validate({"tokens": {"reader": {"file": files / "token"}}, **given})


@pytest.fixture
async def ask(files: Path, api: Api) -> AsyncIterator[Ask]:
    """Ask a server that wants client certificates, with one or without."""
    application = build(Site(telemetry=Telemetry(), ready=lambda: (True, ""), api=api))
    async with serve(application, "127.0.0.1", 0, tls(api)) as port:

        @asynccontextmanager
        async def asked(place: str, shows: bool) -> AsyncIterator[aiohttp.ClientResponse]:
            context = ssl.create_default_context(cafile=files / "cert")
            if shows:
                context.load_cert_chain(files / "cert", files / "key")
            url, headers = f"https://127.0.0.1:{port}{place}", {"Authorization": f"Bearer {TOKEN}"}
            async with aiohttp.request("GET", url, ssl=context, headers=headers) as answer:
                yield answer

        yield asked


async def test_a_certificate_is_needed_beside_the_token(ask: Ask) -> None:
    async with ask("/metrics", True) as answer:
        assert answer.status == 200
    async with ask("/metrics", False) as answer:
        assert answer.status == 403
        assert "api.client_ca" in (await answer.json(content_type=None))["detail"]


async def test_probes_need_none(ask: Ask) -> None:
    async with ask("/healthz", False) as answer:
        assert answer.status == 200


async def test_the_health_check_trusts_the_certificate_of_its_own_settings(api: Api) -> None:
    application = build(Site(telemetry=Telemetry(), ready=lambda: (True, "ready"), api=api))
    async with serve(application, "127.0.0.1", 0, tls(api)) as port:
        told = await asyncio.to_thread(healthcheck.ask, "127.0.0.1", port, "/readyz", own_tls(api))
    assert told == (200, "ready")


@pytest.mark.parametrize("missing", ["tls_cert", "client_ca"])
def test_files_that_cannot_be_used_are_named(files: Path, missing: str) -> None:
    given = {"tls_cert": files / "cert", "tls_key": files / "key", "client_ca": files / "cert"}
    api = Api.model_validate({**given, missing: files / "nothing-here"})
    with pytest.raises(Permanent, match="nothing-here"):
        tls(api)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls(Api()) is None


@pytest.mark.parametrize("half", [{"tls_cert": "a"}, {"tls_key": "a"}, {"client_ca": "a"}])
def test_half_of_what_tls_needs_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tls_cert"):
        Api.model_validate(half)
