"""Plugins are looked up by entry point; one that is wrong says so, and harms nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler import adapters, plugins
from autoscaler.errors import Invalid, Permanent
from autoscaler.policy import parse_policy
from autoscaler.policy_files import PolicyFiles
from autoscaler.problems import Problems
from autoscaler.settings import load_settings
from autoscaler.testing.builders import a_metric, a_policy_document

ODD = """
from typing import Any
from pydantic import field_validator
from autoscaler.strict import Strict

class Odd(Strict):
    factor: int = 1

    @field_validator("factor", mode="before")
    @classmethod
    def _odd(cls, value: Any) -> Any:
        return value + 1
"""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Plugins of each kind: `broken` cannot be imported, `bare` has no models, `odd` raises."""
    (tmp_path / "broken_plugin.py").write_text("raise TypeError('no good')")
    (tmp_path / "bare_plugin.py").write_text("class Bare:\n    pass\n")
    (tmp_path / "odd_plugin.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    real = plugins.available

    def available(kind: str) -> Mapping[str, EntryPoint]:
        group = f"autoscaler.{kind}"
        return {
            **real(kind),
            "broken": EntryPoint("broken", "broken_plugin:Broken", group),
            "bare": EntryPoint("bare", "bare_plugin:Bare", group),
            "odd": EntryPoint("odd", "odd_plugin:Odd", group),
        }

    monkeypatch.setattr(plugins, "available", available)
    yield
    plugins.load.cache_clear()


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(Invalid, match=r"no sources plugin 'promethius'; installed: .*prometheus"):
        plugins.load("sources", "promethius")


def test_whatever_a_module_raises_is_told_as_the_plugins_fault(installed: None) -> None:
    with pytest.raises(Invalid, match=r"'broken' cannot be loaded: TypeError\('no good'\)"):
        plugins.load("strategies", "broken")


@pytest.mark.parametrize("name", ["broken", "bare"])
@pytest.mark.parametrize("kind", ["orchestrators", "sources"])
def test_an_adapter_that_cannot_be_made_is_permanent(installed: None, kind: str, name: str) -> None:
    with pytest.raises(Permanent, match=f"the {kind} plugin '{name}' "):
        adapters.adapter(kind, {"type": name})


@pytest.mark.parametrize("name", ["broken", "bare"])
def test_settings_tell_of_a_plugin_that_is_wrong(installed: None, name: str) -> None:
    with pytest.raises(Problems, match=f"orchestrator.type: .*plugin '{name}' "):
        load_settings(overrides={"orchestrator": {"type": name}}, secrets=Path("none"))


@pytest.mark.parametrize("name", ["broken", "bare"])
def test_a_policy_tells_of_a_source_that_is_wrong(installed: None, name: str) -> None:
    assert f"the sources plugin '{name}' " in _refusal({"source": {"source": name}})


@pytest.mark.parametrize("name", ["broken", "bare"])
def test_a_policy_tells_of_a_strategy_that_is_wrong(installed: None, name: str) -> None:
    metric = {"query": "up", name: {}}
    with pytest.raises(ValidationError, match=f"the strategies plugin '{name}' "):
        parse_policy(a_policy_document(metrics=[metric]))


def _refusal(metric: Mapping[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        parse_policy(a_policy_document(metrics=[a_metric(**metric)]))
    return str(caught.value)


def test_a_plugin_whose_check_raises_is_a_problem_with_a_place(
    installed: None, tmp_path: Path
) -> None:
    metric = {"query": "up", "odd": {"factor": "three"}}
    document = {"version": 1, "policies": [a_policy_document(metrics=[metric])]}
    (tmp_path / "web.yaml").write_text(json.dumps(document))
    (problem,) = PolicyFiles([tmp_path / "web.yaml"]).check().problems
    assert problem.path[-2:] == (0, "odd")
    assert problem.message == "TypeError while this was checked"
