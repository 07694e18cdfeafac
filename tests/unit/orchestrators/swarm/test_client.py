"""One request: its API version, its deadline, its errors."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.orchestrators.swarm import SwarmSettings
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.faults import Canned

from .conftest import Adapt


async def test_the_engines_newest_api_is_spoken(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.speak("1.45")
    await adapt().snapshot()
    assert {request.api for request in engine.requests} == {"", "1.45"}


async def test_an_engine_before_1_41_is_refused_with_advice(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    engine.speak("1.40")
    with pytest.raises(Permanent, match=r"offers Docker API 1\.40, and 1\.41 .* Next step"):
        await adapt().snapshot()


async def test_something_else_than_an_engine_is_refused(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.speak("x")
    with pytest.raises(Permanent, match="offers Docker API x"):
        await adapt().snapshot()


@pytest.mark.parametrize("api", ["1.42", "1.47"])
async def test_a_replaced_engine_is_negotiated_with_anew(
    engine: FakeSwarm, adapt: Adapt, api: str
) -> None:
    orchestrator = adapt()
    engine.speak("1.44")
    await orchestrator.snapshot()
    engine.speak(api, oldest=api)
    await orchestrator.snapshot()
    engine.forget_requests()
    await orchestrator.snapshot()
    assert {request.api for request in engine.requests} == {api}


async def test_an_older_engine_than_needed_is_noticed_later_too(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    orchestrator = adapt()
    await orchestrator.snapshot()
    engine.speak("1.40")
    with pytest.raises(Permanent, match=r"1\.40"):
        await orchestrator.snapshot()


async def test_a_read_that_hangs_ends_at_its_deadline(engine: FakeSwarm, adapt: Adapt) -> None:
    orchestrator = adapt(timeout="100ms")
    engine.faults.hang = "/services"
    with pytest.raises(Temporary, match="no answer"):
        await orchestrator.snapshot()


async def test_a_write_that_hangs_has_an_unknown_outcome(engine: FakeSwarm, adapt: Adapt) -> None:
    service = engine.create("web", 1)
    orchestrator = adapt(timeout="1s")
    seen, _ = await orchestrator.inspect(service.id)
    engine.faults.hang = "^POST"
    with pytest.raises(OutcomeUnknown):
        await orchestrator.apply(scaling(seen, 2))


async def test_a_cancelled_call_is_cancelled_and_no_error(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.faults.hang = "/services"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await adapt().snapshot()


async def test_nobody_who_listens_is_a_temporary_error(engine: FakeSwarm, adapt: Adapt) -> None:
    service = engine.create("web", 1)
    orchestrator = adapt()
    seen, _ = await orchestrator.inspect(service.id)
    async with engine.down():
        for call in (orchestrator.snapshot(), orchestrator.apply(scaling(seen, 2))):
            with pytest.raises(Temporary) as raised:
                await call
            assert not isinstance(raised.value, OutcomeUnknown)
    assert (await orchestrator.apply(scaling(seen, 2))).replicas == 2


async def test_a_socket_that_is_not_there_is_a_temporary_error(adapt: Adapt) -> None:
    with pytest.raises(Temporary):
        await adapt(host="unix:///nowhere/docker.sock").snapshot()


async def test_a_connection_that_is_closed_early_is_a_temporary_error(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    engine.faults.drop = "/services"
    with pytest.raises(Temporary):
        await adapt().snapshot()


@pytest.mark.parametrize(
    ("canned", "error", "words"),
    [
        (Canned(200, "<html>login</html>", "text/html"), Temporary, "not the engine's JSON"),
        (Canned(200, '[{"ID": "torn', "application/json"), Temporary, "not the engine's JSON"),
        (Canned(502, "<html>Bad Gateway</html>", "application/json"), Temporary, "502"),
        (Canned(302, "", "text/plain"), Permanent, "302"),
        (Canned(403, "no", "text/plain"), Permanent, "Next step"),
    ],
)
async def test_a_proxys_own_answers_are_errors_of_ours(
    engine: FakeSwarm, adapt: Adapt, canned: Canned, error: type[Exception], words: str
) -> None:
    engine.faults.answers["/services"] = canned
    with pytest.raises(error, match=words):
        await adapt().snapshot()


async def test_a_worker_is_refused_with_advice(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.faults.not_a_manager = True
    with pytest.raises(Permanent, match=r"not a swarm manager.*Next step"):
        await adapt().snapshot()


async def test_without_a_leader_the_error_is_temporary(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.faults.no_leader = True
    with pytest.raises(Temporary, match="does not have a leader"):
        await adapt().snapshot()


async def test_tcp_without_tls(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.create("web", 1)
    fleet = await adapt(host=await engine.listen_tcp()).snapshot()
    assert len(fleet.services) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 for both sides, in cert.pem, with its key in key.pem."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return tmp_path


def mutual_tls(directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=directory / "cert.pem")
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_tcp_with_tls_and_a_certificate_of_ours(
    engine: FakeSwarm, adapt: Adapt, certificate: Path
) -> None:
    engine.create("web", 1)
    host = await engine.listen_tcp(mutual_tls(certificate))
    pem = certificate / "cert.pem"
    tls = {"tls_ca": pem, "tls_cert": pem, "tls_key": certificate / "key.pem"}
    fleet = await adapt(host=host, **tls).snapshot()
    assert len(fleet.services) == 1


async def test_an_engine_with_a_certificate_of_somebody_elses_is_refused(
    engine: FakeSwarm, adapt: Adapt, certificate: Path
) -> None:
    host = (await engine.listen_tcp(mutual_tls(certificate))).replace("tcp", "https")
    with pytest.raises(Permanent, match="tls_ca"):
        await adapt(host=host).snapshot()


async def test_a_tls_file_that_is_not_there_is_a_permanent_error(adapt: Adapt) -> None:
    missing = {"host": "tcp://127.0.0.1:1", "tls_ca": "/nowhere/ca.pem"}
    with pytest.raises(Permanent, match="cannot connect"):
        await adapt(**missing).snapshot()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "docker.sock"},
        {"host": "tcp://x", "tls_cert": "cert.pem"},
        {"host": "unix:///x", "tls_ca": "ca.pem"},
        {"timeout": 0},
        {"colour": "red"},
    ],
)
def test_settings_are_strict(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SwarmSettings.model_validate(wrong)


def test_the_host_is_docker_host_or_the_local_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert SwarmSettings().host == "unix:///var/run/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://manager:2376")
    assert SwarmSettings().host == "tcp://manager:2376"
