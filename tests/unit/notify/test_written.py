"""What people write of notifications, and how they are told what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autoscaler.adapters import build_notifiers
from autoscaler.errors import Invalid
from autoscaler.policy_files import PolicyFiles
from autoscaler.problems import Problems
from autoscaler.settings import load_settings

SECRET = "canary-of-the-address"
POLICIES = """\
version: 1
policies:
  - name: web
    services: [web]
    notify:
      - {to: ops, events: [scaled]}
      - {to: pager}
"""


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(Problems) as caught:
        load_settings(path)
    return str(caught.value)


def test_settings_that_name_an_unknown_notifier_are_refused(tmp_path: Path) -> None:
    told = refusal(
        tmp_path, "notifiers: {ops: {type: webhook, url: 'http://h'}}\nnotify: [{to: o}]"
    )
    assert "settings.yaml:2:1: notify: no notifier 'o' in the settings; there are: ops" in told


def test_settings_of_a_notifier_are_refused_without_showing_them(tmp_path: Path) -> None:
    told = refusal(tmp_path, f"notifiers: {{ops: {{type: webhook, url: 'ftp://{SECRET}'}}}}")
    assert "settings.yaml:1:34: notifiers.ops.url: " in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"type": "webhook"}, "state either url or url_file"),
        ({"type": "webhook", "url": "http://h", "url_file": "f"}, "state either url or url_file"),
        ({"type": "alertmanager", "username": "me"}, "belong together"),
        ({"type": "alertmanager", "urls": ["h:9093"]}, "http(s)://host"),
        ({"type": "alertmanager", "labels": {"severity": "x"}}, "is set by the autoscaler"),
        ({"type": "apprise"}, "urls_file"),
        ({"type": "pigeon"}, "installed: alertmanager, apprise, webhook"),
    ],
)
def test_what_is_wrong_with_a_notifier_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        load_settings(overrides={"notifiers": {"ops": options}})
    assert told in str(caught.value)


async def test_a_notifier_is_made_of_its_settings() -> None:
    settings = load_settings(overrides={"notifiers": {"alertmanager": {"group_wait": "3s"}}})
    made = build_notifiers(settings)
    assert made["alertmanager"].pace.group_wait == 3.0
    await made["alertmanager"].close()


def test_a_policy_that_names_an_unknown_notifier_is_refused_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(POLICIES)
    checked = PolicyFiles([path], notifiers={"ops": {}, "dev": {}}).check()
    (problem,) = map(str, checked.problems)
    assert "web.yaml:7:10: policies.0.notify.1.to: no notifier 'pager'" in problem
    assert problem.endswith("there are: dev, ops")


def test_where_no_notifier_is_stated_the_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(POLICIES)
    problems = PolicyFiles([path], notifiers={}).check().problems
    assert "there are: none; settings state them as notifiers:" in str(problems[0])
