"""The built-in notifiers keep the contract of their port, against a server of the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from autoscaler.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerSettings
from autoscaler.notifiers.apprise import AppriseNotifier, AppriseSettings
from autoscaler.notifiers.webhook import WebhookNotifier, WebhookSettings
from autoscaler.ports import Notifier
from autoscaler.testing.contracts.notifier import NotifierContract
from autoscaler.testing.hook import Hook

CANARY = "canary-0123456789-of-the-test"
PATH_CANARY = "canary-in-the-path"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with Hook() as hook:
        yield hook


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{CANARY}\n")
    return path


class OverHttp(NotifierContract):
    """What can be made to happen to one that posts to the hook."""

    secrets = (CANARY, PATH_CANARY)

    @pytest.fixture
    def taken(self, hook: Hook) -> Callable[[], Sequence[str]]:
        return lambda: [json.dumps(each.body) for each in hook.taken]

    @pytest.fixture
    def failing(self, hook: Hook) -> AbstractContextManager[object]:
        return hook.answering(503)

    @pytest.fixture(params=[301, 400, 401])
    def refusing(
        self, hook: Hook, request: pytest.FixtureRequest
    ) -> AbstractContextManager[object]:
        return hook.answering(request.param)

    @pytest.fixture
    def hanging(self, hook: Hook) -> AbstractContextManager[object]:
        return hook.hanging()


class TestWebhook(OverHttp):
    @pytest.fixture
    async def notifier(self, hook: Hook, secret: Path) -> AsyncIterator[Notifier]:
        url = f"{hook.url}/{PATH_CANARY}"
        notifier = WebhookNotifier(WebhookSettings(url=url, bearer_token_file=secret))
        yield notifier
        await notifier.close()

    async def test_the_token_is_shown_to_the_other_side(
        self, notifier: Notifier, hook: Hook
    ) -> None:
        await self.test_a_message_comes_with_its_reason(
            notifier, lambda: [json.dumps(each.body) for each in hook.taken]
        )
        assert hook.taken[0].headers["Authorization"] == f"Bearer {CANARY}"


class TestWebhookWithASecretAddress(OverHttp):
    @pytest.fixture
    async def notifier(self, hook: Hook, tmp_path: Path) -> AsyncIterator[Notifier]:
        (tmp_path / "url").write_text(f"{hook.url}/{PATH_CANARY}?key={CANARY}\n")
        notifier = WebhookNotifier(WebhookSettings(url_file=tmp_path / "url"))
        yield notifier
        await notifier.close()


class TestAlertmanager(OverHttp):
    @pytest.fixture
    async def notifier(self, hook: Hook, secret: Path) -> AsyncIterator[Notifier]:
        settings = AlertmanagerSettings(
            urls=(f"{hook.url}/{PATH_CANARY}/",), username="am", password_file=secret
        )
        notifier = AlertmanagerNotifier(settings)
        yield notifier
        await notifier.close()


class TestApprise(OverHttp):
    @pytest.fixture
    async def notifier(self, hook: Hook, tmp_path: Path) -> AsyncIterator[Notifier]:
        url = f"json://{CANARY}:{CANARY}@127.0.0.1:{hook.port}/{PATH_CANARY}"
        (tmp_path / "urls").write_text(f"# whom to tell\n{url}\n")
        notifier = AppriseNotifier(AppriseSettings(urls_file=tmp_path / "urls"))
        yield notifier
        await notifier.close()

    @pytest.fixture
    def refusing(self) -> AbstractContextManager[object]:
        pytest.skip("Apprise does not tell a refusal from a failure")
