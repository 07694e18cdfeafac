"""`check`, `schema` and `plugins`: what works without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoscaler import reference
from autoscaler.schema import policy_schema, settings_schema
from autoscaler.strict_yaml import parse
from tests.unit.cli.conftest import Call

ROOT = Path(__file__).parents[3]
OPS = ("--set", "notifiers.ops.type=apprise", "--set", "notifiers.ops.urls_file=ops")
TEAM = ("--set", "notifiers.team.type=webhook", "--set", "notifiers.team.url_file=team")
NOTIFIERS = (*OPS, *TEAM)
"""As one of the examples says."""
EXAMPLES = sorted((ROOT / "policies" / "examples").glob("*.yaml"))
GOOD = "version: 1\npolicies:\n  - {name: web, services: [shop_web], scale: {max: 3}}\n"
BAD = "version: 1\npolicies:\n  - {name: api, servces: [shop_api]}\n"


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def test_good_policies_are_listed(call: Call) -> None:
    write("policies/a.yaml", GOOD)
    result = call("check")
    assert result.exit_code == 0
    assert "web     active  shop_web    1 to 3" in result.output
    assert "policies/a.yaml:3" in result.output
    assert result.output.endswith("1 policy in 1 file: ok\n")


def test_problems_are_told_and_fail(call: Call) -> None:
    write("policies/a.yaml", GOOD)
    write("policies/b.yaml", BAD)
    result = call("check", "policies")
    assert result.exit_code == 1
    assert "policies/b.yaml:3:17: policies.0.servces: unknown key 'servces'" in result.output
    assert result.output.endswith("1 problem in 1 file; nothing of them would be applied\n")


def test_json_for_machines(call: Call) -> None:
    write("policies/a.yaml", GOOD)
    write("policies/b.yaml", BAD)
    result = call("check", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    (problem,) = told["problems"]
    assert not told["ok"]
    assert told["files"] == [
        {
            "file": "policies/a.yaml",
            "policies": [
                {
                    "name": "web",
                    "line": 3,
                    "mode": "active",
                    "services": ["shop_web"],
                    "min": 1,
                    "max": 3,
                    "metrics": [],
                }
            ],
        },
        {"file": "policies/b.yaml", "policies": []},
    ]
    assert problem["message"].startswith("unknown key 'servces' (did you mean 'services'?)")
    assert (problem["file"], problem["line"], problem["column"], problem["path"]) == (
        "policies/b.yaml",
        3,
        17,
        ["policies", 0, "servces"],
    )


def test_no_policies_at_all_is_a_problem(call: Call) -> None:
    Path("policies").mkdir()
    result = call("check")
    assert result.exit_code == 1
    assert "policies: no policies here; policies/examples has some to start from" in result.output


def test_a_mistake_in_the_settings_is_told(call: Call) -> None:
    write("config/autoscaler.yaml", "interval: 5\n")
    result = call("check")
    assert result.exit_code == 1
    assert result.output == (
        "Error: config/autoscaler.yaml:1:1: interval: 5 has no unit: write 5s for seconds\n"
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_right(call: Call, path: Path) -> None:
    result = call(*NOTIFIERS, "check", str(path))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("settings", [(), NOTIFIERS])
def test_the_examples_are_right_together(call: Call, settings: tuple[str, ...]) -> None:
    assert len(EXAMPLES) >= 7
    result = call(*settings, "check", str(ROOT / "policies" / "examples"))
    assert result.exit_code == 0, result.output


NOTIFIED = GOOD.replace("max: 3}", "max: 3}, notify: [{to: ops}]")


def test_without_settings_who_is_to_be_notified_is_a_warning(call: Call) -> None:
    write("policies/a.yaml", NOTIFIED)
    result = call("check", "policies")
    assert result.exit_code == 0, result.output
    assert "policies/a.yaml:3:1: warning: notify: settings name no notifier 'ops'" in result.output
    (warning,) = json.loads(call("check", "policies", "--json").output)["warnings"]
    assert (warning["line"], warning["path"]) == (3, ["notify"])


def test_what_run_would_refuse_is_a_problem(call: Call) -> None:
    write("policies/a.yaml", NOTIFIED)
    assert call("check").exit_code == 1
    result = call(*TEAM, "check", "policies")
    assert (result.exit_code, "no notifier 'ops' in the settings" in result.output) == (1, True)


def test_files_of_the_settings_that_cannot_be_used_are_warnings(call: Call) -> None:
    write("policies/a.yaml", GOOD)
    write("ann.token", "short")
    write("ops", "nonsense://")
    token = ("--set", "api.tokens.ann.file=ann.token")
    result = call(*token, *NOTIFIERS, "check")
    assert result.exit_code == 0, result.output
    for line in (
        "settings: warning: api.tokens.ann.file: each token in ann.token must have at least 16",
        "settings: warning: notifiers.ops: ops: URL 1 (nonsense://) is none that Apprise knows",
        "settings: warning: notifiers.team: cannot read team: No such file or directory",
    ):
        assert line in result.output
    write("ann.token", "token-of-ann-in-tests")
    write("team", "https://hooks.example/x")
    write("ops", "json://localhost")
    assert "warning" not in call(*token, *NOTIFIERS, "check").output


def test_every_example_is_listed() -> None:
    listed = (ROOT / "policies" / "README.md").read_text()
    assert all(f"(examples/{path.name})" in listed for path in EXAMPLES)


def test_the_schema_knows_sources_of_the_settings(call: Call) -> None:
    write("config/autoscaler.yaml", "sources: {thanos: {type: prometheus}}\n")
    schema = json.loads(call("schema").output)
    source = schema["$defs"]["Metric-from-prometheus"]["properties"]["source"]
    assert source["enum"] == ["prometheus", "thanos"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_schema_takes_every_example(path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator(policy_schema()).validate(parse(path.read_text()).data)


@pytest.mark.parametrize(
    "wrong",
    [
        BAD,
        GOOD.replace("max: 3", "max: three"),
        GOOD.replace("max: 3", "max: 3, metrics: [{query: x}]"),
        GOOD.replace("max: 3", "max: 3, metrics: [{target: {value: 1}}]"),
        GOOD.replace("max: 3", "max: 3, metrics: [{query: x, target: {valu: 1}}]"),
        GOOD.replace("max: 3", "max: 3, metrics: [{query: x, source: y, target: {value: 1}}]"),
        GOOD.replace("max: 3", "max: 3, recovery: 0"),
        GOOD.replace("version: 1", "version: 2"),
        *(
            GOOD.replace("max: 3}", f"max: 3}}, heal: [{{{entry}}}]")
            for entry in (
                "rule: probe, min: 1, then: notify",
                "rule: probe, query: x, min: one, then: notify",
                "rule: probe, query: x, url: y, min: 1, then: notify",
                "rule: probe, source: http, query: x, min: 1, then: notify",
                "rule: alert, then: notify",
                "rule: max_age, older_than: 1h, source: http, then: restart",
            )
        ),
    ],
)
def test_the_schema_refuses_mistakes(wrong: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft7Validator(policy_schema())
    assert validator.is_valid(parse(GOOD).data)
    assert not validator.is_valid(parse(wrong).data)


def test_the_schema_of_settings_takes_the_example(call: Call) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(call("schema", "--settings").output)
    assert schema == settings_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    example = parse((ROOT / "config" / "autoscaler.yaml").read_text()).data
    jsonschema.Draft7Validator(schema).validate(example)
    assert not jsonschema.Draft7Validator(schema).is_valid({"brake": {"percnt": 3}})


def test_the_reference_pages_match_the_models(call: Call) -> None:
    """Otherwise: python -m autoscaler.reference."""
    assert (ROOT / "docs" / "policy.md").read_text() == reference.policy_page()
    assert (ROOT / "docs" / "settings.md").read_text() == reference.settings_page()
    assert call("schema", "--markdown").output == reference.policy_page()


def test_every_key_of_ours_is_described() -> None:
    for page in (reference.policy_page(), reference.settings_page()):
        for section in page.split("\n## ")[1:]:
            for row in section.splitlines():
                assert not row.endswith("|  |"), row


def test_plugins_are_listed_with_what_they_do(call: Call) -> None:
    result = call("plugins")
    assert "Keep a metric near a value" in result.output
    told = json.loads(call("plugins", "--json").output)
    names = {(one["kind"], one["name"]) for one in told}
    assert {
        ("strategies", "target"),
        ("sources", "prometheus"),
        ("orchestrators", "swarm"),
    } <= names
    assert not any(one["error"] for one in told)
