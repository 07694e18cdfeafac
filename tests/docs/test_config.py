"""What `config/` ships for Prometheus and Alertmanager fits the program, and their own tools."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.decide.guards import GUARDS
from autoscaler.metrics import Metrics
from autoscaler.model import Health, Outcome, Phase
from autoscaler.strict_yaml import parse
from autoscaler.testing.real.processes import find_program, missing_programs
from autoscaler.web.alertmanager import PATHS
from tests.conftest import Require

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
RULES = PROMETHEUS / "autoscaler.rules.yml"
TESTS = PROMETHEUS / "autoscaler.rules.test.yml"
ALERTMANAGER = ROOT / "config" / "alertmanager" / "alertmanager.yml"
RUNBOOK = ROOT / "docs" / "alerts-runbook.md"


def loaded(path: Path) -> Any:
    return parse(path.read_text(), str(path)).data


def rules() -> list[dict[str, Any]]:
    return [rule for group in loaded(RULES)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def names() -> Iterator[str]:
    """Every series that the program shows."""
    for row in Metrics(lambda: 0.0).described:
        yield row.name
        if row.kind == "histogram":
            yield from (f"{row.name}_{part}" for part in ("bucket", "sum", "count"))


def test_every_metric_that_a_rule_or_its_test_names_is_one_of_the_program() -> None:
    asked = re.findall(r"\bautoscaler_\w+", "\n".join(rule["expr"] for rule in rules()))
    asked += re.findall(r"\bautoscaler_\w+", TESTS.read_text())
    assert len(asked) > 50
    assert not set(asked) - set(names())


def test_every_label_that_a_rule_asks_for_is_one_of_its_metric() -> None:
    labels = {row.name: set(row.labels) for row in Metrics(lambda: 0.0).described}
    for rule in rules():
        for name, chosen in re.findall(r"\b(autoscaler_\w+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)\s*[=!]", chosen)) <= labels[name], rule


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("state", list(Health)),
        ("outcome", [*Outcome, *(p for p in Phase if not p.open)]),
        ("held_by", [guard.__name__ for guard in GUARDS]),
    ],
)
def test_every_value_that_a_rule_asks_for_is_one_of_the_program(label: str, known: Any) -> None:
    written = "\n".join(rule["expr"] for rule in rules())
    asked = re.findall(rf'\b{label}=~?"([^"]+)"', written)
    values = {value for each in asked for value in each.split("|")}
    assert values
    assert values <= {str(each) for each in known}


def test_every_alert_says_how_grave_it_is_and_what_it_means() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("info", "warning", "critical"), rule
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")


def test_every_alert_has_its_section_in_the_runbook_and_no_other_is_there() -> None:
    sections = re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert sections == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        link = f"docs/alerts-runbook.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == link


def test_every_alert_is_seen_to_fire_by_a_test() -> None:
    tested = TESTS.read_text()
    assert not [rule["alert"] for rule in alerts() if rule["alert"] not in tested]


def test_alertmanager_posts_to_the_webhook_with_a_token_from_a_file() -> None:
    (receiver,) = [r for r in loaded(ALERTMANAGER)["receivers"] if r["name"] == "autoscaler"]
    (webhook,) = receiver["webhook_configs"]
    assert webhook["url"].removeprefix("http://autoscaler:9095") in PATHS
    assert webhook["send_resolved"] is True
    assert webhook["http_config"]["authorization"]["credentials_file"].startswith("/run/secrets/")


def test_alertmanager_names_no_alert_that_there_is_not() -> None:
    named = re.findall(r'alertname=~?"([^"]+)"', ALERTMANAGER.read_text())
    known = {rule["alert"] for rule in alerts()}
    assert {name for each in named for name in each.split("|")} - {"Autoscaler.*"} <= known


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("promtool", ("check", "rules", str(RULES))),
        ("promtool", ("test", "rules", str(TESTS))),
        ("promtool", ("check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml"))),
        ("amtool", ("check-config", str(ALERTMANAGER))),
    ],
)
def test_its_own_tools_find_nothing_wrong(
    require: Require, program: str, arguments: tuple[str, ...]
) -> None:
    found = find_program(program)
    if found is None:
        require(missing_programs(program))
    done = subprocess.run(
        [str(found), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
