"""The examples of docs/sources.md are policies and settings that load."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler import plugins
from autoscaler.policy_files import PolicyFiles
from autoscaler.strict_yaml import parse

PAGE = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
POLICIES = [text for text in EXAMPLES if text.startswith("version:")]
SETTINGS = [text for text in EXAMPLES if not text.startswith("version:")]


@pytest.mark.parametrize("text", POLICIES)
def test_each_example_of_a_policy_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    loaded = PolicyFiles([str(tmp_path)], {}).load()
    assert loaded.policies


@pytest.mark.parametrize("text", SETTINGS)
def test_each_example_of_settings_is_valid(text: str) -> None:
    declared: Mapping[str, Mapping[str, Any]] = parse(text).data["sources"]
    for name, options in declared.items():
        rest = {key: value for key, value in options.items() if key != "type"}
        plugins.model("sources", options.get("type", name), "Settings").model_validate(rest)


def test_each_source_has_a_section_with_an_example() -> None:
    sections = re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    named = set(re.findall(r"source: (\w+)", "".join(POLICIES)))
    ours = plugins.available("sources").values()
    assert named == {point.name for point in ours if point.value.startswith("autoscaler.")}
    assert named <= set(sections)
