"""docs/notifications.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from autoscaler.changes import SEVERITIES
from autoscaler.model import HappeningKind
from autoscaler.notifiers.webhook import body
from autoscaler.policy_files import PolicyFiles
from autoscaler.settings import load_settings
from autoscaler.testing.contracts.notifier import a_message

PAGE = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text()


def block(name: str) -> str:
    (found,) = re.findall(rf"^```yaml\n# {name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_settings_and_the_policy_of_the_page_are_right(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(block("config/autoscaler.yaml"))
    (tmp_path / "shop.yaml").write_text(block("policies/shop.yaml"))
    settings = load_settings(tmp_path / "settings.yaml")
    files = PolicyFiles([tmp_path / "shop.yaml"], notifiers=settings.notifiers)
    (loaded,) = files.load().policies
    assert loaded.policy.notify is not None
    assert [each.to for each in loaded.policy.notify] == ["ops", "audit"]


def test_every_kind_of_event_is_listed_with_its_severity() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == [(kind.value, SEVERITIES[kind].value) for kind in HappeningKind]


def test_the_body_of_a_webhook_is_as_shown() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    document, made = json.loads(shown), body(a_message())
    assert document.keys() == made.keys()
    assert document["events"][0].keys() == made["events"][0].keys()
