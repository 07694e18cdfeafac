"""Logins come from files, and no secret is ever shown."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.model import Quality
from autoscaler.testing.prometheus import FakePrometheus
from autoscaler.testing.prometheus_faults import FAULTS


async def test_a_token_is_read_for_each_request(
    asker: Any, fake: FakePrometheus, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    source = asker.source(bearer_token_file=token)
    for secret in ("first", "second"):
        token.write_text(f"{secret}\n")
        await source.read([asker.query("x")], {})
        assert fake.requests[-1]["headers"]["Authorization"] == f"Bearer {secret}"


async def test_a_password_is_read_from_its_file(
    asker: Any, fake: FakePrometheus, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("open sesame")
    source = asker.source(username="ali", password_file=tmp_path / "password")
    await source.read([asker.query("x")], {})
    sent = fake.requests[-1]["headers"]["Authorization"]
    assert sent == "Basic YWxpOm9wZW4gc2VzYW1l"


async def test_userinfo_in_a_url_is_a_login(asker: Any, fake: FakePrometheus) -> None:
    url = fake.url.replace("//", "//ali:open%20sesame@")
    await asker.source(urls=[url]).read([asker.query("x")], {})
    assert fake.requests[-1]["headers"]["Authorization"] == "Basic YWxpOm9wZW4gc2VzYW1l"


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff\xfe"])
async def test_without_a_usable_secret_nothing_is_sent(
    asker: Any, fake: FakePrometheus, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    source = asker.source(bearer_token_file=tmp_path / "token")
    (sample,) = await source.read([asker.query("x")], {})
    assert sample.quality is Quality.ERROR
    assert str(tmp_path / "token") in sample.detail
    assert "lines" not in sample.detail
    assert fake.requests == []


@pytest.mark.parametrize("fault", [name for name in FAULTS if "drip" not in name])
async def test_no_error_shows_a_secret(asker: Any, fake: FakePrometheus, fault: str) -> None:
    fake.fault = FAULTS[fault]
    url = fake.url.replace("//", "//hush:hush@")
    source = asker.source(urls=[url], headers={"X-Token": "hush"}, timeout="100ms")
    with capture_logs() as logs:
        (sample,) = await source.read([asker.query("x")], {})
        await fake.stop()
        (refused,) = await source.read([asker.query("x")], {})
    assert "hush" not in f"{sample} {refused} {logs}"
