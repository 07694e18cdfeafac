"""The loop and its notifiers: what happens is told, and no action waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from autoscaler.errors import Permanent
from autoscaler.model import Message, Outcome
from autoscaler.notifications import Delivery, Notifications
from autoscaler.notifiers.apprise import AppriseNotifier, AppriseSettings
from autoscaler.notifiers.webhook import WebhookNotifier, WebhookSettings
from autoscaler.policy import Notify
from autoscaler.ports import Notifier, Pace
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.contracts.notifier import a_happening
from autoscaler.testing.hook import Hook
from autoscaler.testing.recording_notifier import RecordingNotifier
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

POLICY = a_policy_document(min=1, max=20, behavior=at_once())
ALL = Notify.model_validate({"to": "ops", "events": ["scaled", "failed", "metrics"]})
AT_ONCE = Pace.model_validate({"group_wait": "0s", "burst": 1000})
PATIENT = {"group_wait": "0s", "deadline": "90s"}
CANARY = "canary-in-an-address"


class Hanging:
    """Never answers, and does not even end when it is told to."""

    pace = AT_ONCE

    def __init__(self) -> None:
        self.attempts = 0

    async def send(self, message: Message) -> None:
        """Never come back."""
        self.attempts += 1
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to give back."""


async def play(
    scene: Scenario, notifier: Hanging | RecordingNotifier, *loads: float
) -> list[int | None]:
    """The replicas after each load, with a notifier at work."""
    notifications = Notifications({"ops": notifier}, [ALL], scene.telemetry, scene.clock)
    found = []
    async with asyncio.TaskGroup() as group:
        tasks = notifications.start(group)
        for load in loads:
            scene.source.answer = constant(load)
            await scene.cycle()
            found.append(scene.replicas())
        async with asyncio.timeout(120):
            while not notifier.attempts:  # noqa: ASYNC110 - a fake tells nobody
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
    return found


async def test_no_action_waits_for_a_notifier_that_never_answers() -> None:
    hanging = Hanging()
    async with Scenario(a_service(3), policies=[POLICY]) as scene:
        assert await play(scene, hanging, 900.0, 1400.0, 600.0) == [9, 14, 6]
    assert hanging.attempts == 1


async def test_what_the_loop_does_is_told_with_the_reason_of_its_decision() -> None:
    notifier = RecordingNotifier(AT_ONCE)
    async with Scenario(a_service(3), policies=[POLICY]) as scene:
        await play(scene, notifier, 900.0, 900.0)
        (decision, outcome), *_ = [
            (record, how) for record, how in await scene.store.history() if record.action
        ]
    (told,) = [each for message in notifier.sent for each in message.happenings]
    assert outcome is Outcome.DONE
    assert told.text == f"scale 3 -> 9: {decision.reason}"
    assert told.decided_at == decision.at
    assert (told.service, told.policy) == ("web", "web-policy")


async def failure(delivery: Delivery, lines: Sequence[object]) -> None:
    """Let one message fail for good: until there is a line about it."""
    work = asyncio.create_task(delivery.run())
    delivery.put(a_happening())
    try:
        async with asyncio.timeout(120):
            while not lines:  # noqa: ASYNC110 - the log tells nobody
                await asyncio.sleep(0.01)
    finally:
        work.cancel()


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
async def test_no_address_is_in_the_log_or_the_metrics(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = Telemetry()
    file = tmp_path / "addresses"
    async with Hook() as hook:
        with hook.answering(400), capture_logs() as lines, caplog.at_level(logging.DEBUG):
            notifier: Notifier
            if kind == "webhook":
                file.write_text(f"{hook.url}/{CANARY}")
                notifier = WebhookNotifier(
                    WebhookSettings.model_validate({"url_file": file, **PATIENT})
                )
            else:
                file.write_text(f"nonsense://{CANARY}@127.0.0.1/{CANARY}")
                notifier = AppriseNotifier(
                    AppriseSettings.model_validate({"urls_file": file, **PATIENT})
                )
            await failure(Delivery("ops", notifier, telemetry, ManualClock(), ""), lines)
            await notifier.close()
    assert [line["event"] for line in lines] == ["notification failed"]
    assert CANARY not in f"{lines}{caplog.text}{telemetry.render().decode()}"


def test_the_errors_of_a_file_do_not_show_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_bytes(CANARY.encode() + b"\n" + CANARY.encode())
    notifier = WebhookNotifier(WebhookSettings.model_validate({"url_file": file}))
    with pytest.raises(Permanent) as caught:
        asyncio.run(notifier.send(Message(at=1.0, happenings=(a_happening(),))))
    assert CANARY not in str(caught.value)
    assert str(file) in str(caught.value)
