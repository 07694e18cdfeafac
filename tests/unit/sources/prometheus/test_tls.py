"""Certificates are checked, and a hung TLS connection ends like any other."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model import Quality
from autoscaler.testing.prometheus import FakePrometheus
from autoscaler.testing.prometheus_faults import FAULTS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing")
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=prometheus", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(["openssl", *words.split(), *names, *files], check=True, capture_output=True)
    return certificate, key


def context(certificate: tuple[Path, Path], *, ask_client: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    if ask_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate[0])
    return context


@pytest.fixture
async def secure(certificate: tuple[Path, Path]) -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus(tls=context(certificate)) as secure:
        secure.say("x", 3)
        yield secure


async def test_a_certificate_of_a_known_authority_is_accepted(
    asker: Any, secure: FakePrometheus, certificate: tuple[Path, Path]
) -> None:
    source = asker.source(urls=[secure.url], ca_file=certificate[0])
    assert (await source.read([asker.query("x")], {}))[0].value == 3


async def test_any_other_certificate_is_refused(asker: Any, secure: FakePrometheus) -> None:
    (sample,) = await asker.source(urls=[secure.url]).read([asker.query("x")], {})
    assert sample.quality is Quality.ERROR
    assert "certificate verify failed" in sample.detail
    assert secure.requests == []


async def test_a_person_may_accept_any_certificate(asker: Any, secure: FakePrometheus) -> None:
    source = asker.source(urls=[secure.url], insecure_skip_verify=True)
    assert (await source.read([asker.query("x")], {}))[0].value == 3


async def test_our_own_certificate_is_shown(asker: Any, certificate: tuple[Path, Path]) -> None:
    own = {"ca_file": certificate[0], "cert_file": certificate[0], "key_file": certificate[1]}
    async with FakePrometheus(tls=context(certificate, ask_client=True)) as strict:
        strict.say("x", 3)
        source = asker.source(urls=[strict.url], **own)
        assert (await source.read([asker.query("x")], {}))[0].value == 3
        source = asker.source(urls=[strict.url], ca_file=certificate[0])
        assert not (await source.read([asker.query("x")], {}))[0].known


@pytest.mark.parametrize("fault", ["hang", "hang in the body", "dripping headers"])
async def test_a_hung_server_is_given_up(
    asker: Any, secure: FakePrometheus, certificate: tuple[Path, Path], fault: str
) -> None:
    source = asker.source(urls=[secure.url], ca_file=certificate[0], threads=1)
    for _ in range(2):
        secure.fault = FAULTS[fault]
        assert "no answer" in (await source.read([asker.query("x")], {}))[0].detail
        secure.fault = None
        assert (await source.read([asker.query("x")], {}))[0].value == 3
