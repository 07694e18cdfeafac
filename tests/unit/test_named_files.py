"""Files that settings name are looked into before anybody needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler import named_files
from autoscaler.settings import Settings

TOKEN = "token-of-the-tests"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good").write_text(TOKEN)
    Path("short").write_text("short")
    Path("empty").touch()


def of_controller(**stated: Any) -> dict[str, str]:
    problems = named_files.of_controller(Settings.model_validate(stated))
    return {".".join(map(str, each.path)): each.message for each in problems}


def of_agent(**stated: Any) -> dict[str, str]:
    problems = named_files.of_agent(Settings.model_validate(stated))
    return {".".join(map(str, each.path)): each.message for each in problems}


def test_who_states_nothing_is_told_nothing() -> None:
    assert of_controller() == of_agent() == {}


@pytest.mark.parametrize("file", ["short", "empty", "gone"])
@pytest.mark.parametrize(
    ("place", "stated"),
    [
        ("api.tokens.ann.file", lambda file: {"api": {"tokens": {"ann": {"file": file}}}}),
        ("api.basic.password_file", lambda file: {"api": {"basic": {"password_file": file}}}),
        ("agents.token_file", lambda file: {"agents": {"token_file": file}}),
    ],
)
def test_each_token_of_the_controller_is_looked_at(place: str, stated: Any, file: str) -> None:
    assert [*of_controller(**stated(file))] == [place]
    assert of_controller(**stated("good")) == {}


@pytest.mark.parametrize("file", ["empty", "gone"])
@pytest.mark.parametrize(
    ("place", "stated"),
    [
        ("orchestrator.token_file", lambda file: {"orchestrator": {"token_file": file}}),
        (
            "sources.prometheus.bearer_token_file",
            lambda file: {"sources": {"prometheus": {"bearer_token_file": file}}},
        ),
        ("notifiers.ops", lambda file: {"notifiers": {"ops": notifier("webhook", url_file=file)}}),
        (
            "notifiers.ops",
            lambda file: {"notifiers": {"ops": notifier("alertmanager", bearer_token_file=file)}},
        ),
    ],
)
def test_so_is_each_file_of_an_adapter(place: str, stated: Any, file: str) -> None:
    assert [*of_controller(**stated(file))] == [place]


def notifier(plugin: str, **stated: str) -> dict[str, str]:
    return {"type": plugin, **stated}


def test_an_agent_needs_its_token_only_with_a_controller_and_the_gates_only_with_a_gate() -> None:
    token = {"token_file": "short"}
    assert of_agent(agents=token) == {}
    assert [*of_agent(agents=token, controller="http://there:9095")] == ["agents.token_file"]
    gate = {"gate": True, "gate_token_file": "gone"}
    assert [*of_agent(agent=gate)] == ["agent.gate_token_file"]


def test_the_log_says_what_is_wrong_and_shows_nothing_of_it() -> None:
    Path("short").write_text("s3cret")
    stated = Settings.model_validate({"api": {"tokens": {"ann": {"file": "short"}}}})
    with capture_logs() as lines:
        named_files.tell(named_files.of_controller(stated))
    assert [line["setting"] for line in lines] == ["api.tokens.ann.file"]
    assert "s3cret" not in str(lines)
