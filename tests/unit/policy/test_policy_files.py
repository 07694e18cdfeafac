"""Policy files into one set of policies, or every problem that they have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoscaler.policy import parse_policy
from autoscaler.policy_files import PolicyFiles
from autoscaler.problems import Problems
from autoscaler.strict_yaml import LARGEST
from tests.unit.policy.conftest import Write, policies, policy

SCALE = """\
scale:
  min: 2
  max: 20
  metrics:
    - query: sum by (service) (rate(http_requests_total[1m]))
      match: service
      target: {average_value: 100}
"""


def problems(*paths: Path) -> list[str]:
    return [str(problem) for problem in PolicyFiles(paths).check().problems]


def test_loads_files_with_their_places(write: Write) -> None:
    path = write("shop.yaml", policies(policy(rest=SCALE), policy("api", "[shop_api]")))
    loaded = PolicyFiles([path.parent]).load()
    assert [p.policy.name for p in loaded.policies] == ["shop-web", "api"]
    assert [p.line for p in loaded.policies] == [3, 12]
    assert {p.file for p in loaded.policies} == {str(path)}
    assert loaded.policies[1].document == {"name": "api", "services": ["shop_api"]}


def test_takes_yaml_files_in_order_and_passes_over_hidden_ones_and_examples(write: Write) -> None:
    for name in ["b.yml", "a.yaml", "team/c.yaml", ".hidden.yaml", ".git/d.yaml", "notes.txt"]:
        write(name, policies(policy(name.replace("/", "-").strip("."), f"[{name[:2]}x]")))
    write("examples/e.yaml", "not a policy")
    root = write("a.yaml", policies(policy("a", "[a]"))).parent
    assert [Path(f).name for f in PolicyFiles([root]).load().files] == ["a.yaml", "b.yml", "c.yaml"]


def test_a_named_file_counts_whatever_its_name(write: Write) -> None:
    path = write("examples/policy.txt", policies(policy()))
    assert len(PolicyFiles([path]).load().policies) == 1


def test_a_file_that_two_paths_lead_to_counts_once(write: Write) -> None:
    path = write("shop.yaml", policies(policy()))
    assert len(PolicyFiles([path.parent, path]).load().policies) == 1


def test_follows_links_as_mounted_configs_have_them(write: Write, tmp_path: Path) -> None:
    write("..2024/shop.yaml", policies(policy()))
    root = tmp_path / "policies"
    (root / "..data").symlink_to("..2024")
    (root / "shop.yaml").symlink_to("..data/shop.yaml")
    assert PolicyFiles([root]).load().files == (str(root / "shop.yaml"),)


def test_every_problem_of_every_file_is_told(write: Write) -> None:
    first = write(
        "a.yaml",
        policies(
            policy(rest="mod: active\n" + SCALE.replace("max: 20", "max: many")),
            policy("api", "[api]", SCALE.replace("average_value", "averge_value")),
        ),
    )
    second = write("b.yaml", "a: [")
    third = write("c.yaml", "")
    found = problems(first.parent)
    expected = [
        f"{first}:5:5: policies.0.mod: unknown key 'mod' (did you mean 'mode'?); valid keys: ",
        f"{first}:8:7: policies.0.scale.max: expected a whole number, not 'many'",
        f"{first}:21:20: policies.1.scale.metrics.0.target.averge_value: unknown key ",
        f"{second}:1:5: a: not YAML: while parsing a flow node: expected the node content",
        f"{third}:1:1: this file is empty; expected the keys version: and policies:",
    ]
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("max: 20", "policies.0.scale.max: min: 30 is above max: 20"),
        ("maximum: 20", "policies.0.scale.maximum: unknown key 'maximum'"),
        ("max: 0", "policies.0.scale.max: should be greater than or equal to 1, not 0"),
        ("max: ", "policies.0.scale.max: expected a whole number, not nothing"),
        ("max: 40\n  on_missing: 6", "on_missing: expected 'hold' or a mapping, not 6"),
        ("max: 40\n  on_missing: {}", "on_missing.fallback: this key is required"),
        ("max: 40\n  on_missing: {fallback: -1}", "on_missing.fallback: should be greater than"),
        ("max: 40\n  recovery: [3]", "scale.recovery: expected a whole number, not a list"),
        ("max: 40\n  behavior: fast", "scale.behavior: expected a mapping, not 'fast'"),
        ("max: 40\n  metrics: {}", "scale.metrics: expected a list, not a mapping"),
        ("max: 40\n  metrics: [{query: x}]", "metrics.0: state exactly one strategy"),
        ("max: 40\n  metrics: [{target: {value: 1}}]", "metrics.0.query: this key is required"),
        (
            "max: 40\n  metrics: [{query: x, source: a, target: {value: 1}}]",
            "metrics.0.source: no sources plugin 'a'; installed: ",
        ),
        (
            "max: 40\n  behavior: {scale_up: {stabilization: 5}}",
            "behavior.scale_up.stabilization: 5 has no unit: write 5s for seconds",
        ),
        (
            "max: 40\n  behavior: {scale_up: {policies: [{period: 3s}]}}",
            "scale_up.policies.0: state exactly one of percent: and replicas:",
        ),
    ],
)
def test_a_problem_names_file_line_and_key(write: Write, wrong: str, told: str) -> None:
    path = write("a.yaml", policies(policy(rest=f"scale:\n  min: 30\n  {wrong}\n")))
    found = problems(path)
    assert len(found) == 1 or "maximum" in wrong
    assert found[0].startswith(f"{path}:")
    assert told in found[0]


NIGHT = '[{name: night, cron: "0 0 * * *", duration: 6h, min: 2}]'


@pytest.mark.parametrize(
    ("scale", "low"),
    [
        ("{min: 2, max: 9}", 2),
        ("{max: 9}", 1),
        (f"{{min: 4, max: 9, schedules: {NIGHT}}}", 2),
    ],
)
def test_fewer_replicas_than_must_be_available_are_a_mistake(
    write: Write, scale: str, low: int
) -> None:
    rest = f"scale: {scale}\ndisruption: {{min_available: 3}}\n"
    path = write("a.yaml", policies(policy(rest=rest)))
    (found,) = problems(path)
    assert found.startswith(f"{path}:6:5: policies.0.disruption: min_available: 3 is above")
    assert f"min: {low} of scale" in found


@pytest.mark.parametrize("scale", ["{min: 3, max: 9}", "{min: 0, max: 9}"])
def test_a_service_may_sleep_whatever_must_be_available_while_it_is_awake(
    write: Write, scale: str
) -> None:
    rest = f"scale: {scale}\ndisruption: {{min_available: 3}}\n"
    PolicyFiles([write("a.yaml", policies(policy(rest=rest)))]).load()


@pytest.mark.parametrize(
    ("asks", "called"),
    [
        ("query: sum(jobs)", "sum(jobs)"),
        ("query: cpu, source: docker", "cpu"),
        ("source: constant, value: 3", "constant"),
        (f"query: {'a' * 60}", f"{'a' * 40}..."),
        ("name: jobs, query: sum(jobs)", "jobs"),
    ],
)
def test_a_metric_without_a_name_is_called_by_what_it_asks(
    write: Write, asks: str, called: str
) -> None:
    rest = f"scale: {{max: 9, metrics: [{{{asks}, target: {{average_value: 1}}}}]}}\n"
    loaded = PolicyFiles([write("a.yaml", policies(policy(rest=rest)))]).load()
    scale = loaded.policies[0].policy.scale
    assert scale is not None
    assert [metric.name for metric in scale.metrics] == [called]


FULL_OF_MISTAKES = """\
version: 1
policies:
  - name: a b
    services: [5]
    scale:
      min: 9
      max: 2
      recovery: true
      metrics:
        - {query: "sum((", target: {average_valu: 1}}
        - {target: {value: -5}, on_error: shout}
        - {source: prometheu, query: up, step: {steps: []}}
        - {query: up, coverage: {query: "min("}, target: {value: 1}, weight: 3}
        - {query: up, step: {steps: [{lower: 5, upper: 2, change: 1}, {change: 1}]}}
      hold_down_while: [{source: other}]
      schedules: [{name: a, cron: "x", min: 1, max: -1}]
      behavior: {scale_down: {stabilization: long, selec: max}}
    heal:
      - {rule: crash_loo, failures: 3}
      - {rule: crash_loop, failures: none, the: restart}
      - {cooldown: 3}
  - services: []
"""


def test_no_mistake_of_a_file_hides_another(write: Write) -> None:
    path = write("a.yaml", FULL_OF_MISTAKES)
    places = [line.removeprefix(f"{path}:").split(": ")[0:2] for line in problems(path)]
    assert [f"{place.split(':')[0]} {path}" for place, path in places] == [
        "3 policies.0.name",
        "4 policies.0.services.0",
        "7 policies.0.scale.max",
        "8 policies.0.scale.recovery",
        "10 policies.0.scale.metrics.0.query",
        "10 policies.0.scale.metrics.0.target.average_valu",
        "11 policies.0.scale.metrics.1.query",
        "11 policies.0.scale.metrics.1.target.value",
        "11 policies.0.scale.metrics.1.on_error",
        "12 policies.0.scale.metrics.2.source",
        "12 policies.0.scale.metrics.2.step.steps",
        "13 policies.0.scale.metrics.3.coverage.query",
        "13 policies.0.scale.metrics.3.weight",
        "14 policies.0.scale.metrics.4.step.steps.0",
        "14 policies.0.scale.metrics.4.step.steps.1",
        "15 policies.0.scale.hold_down_while.0.name",
        "15 policies.0.scale.hold_down_while.0.source",
        "16 policies.0.scale.schedules.0.cron",
        "16 policies.0.scale.schedules.0.max",
        "17 policies.0.scale.behavior.scale_down.stabilization",
        "17 policies.0.scale.behavior.scale_down.selec",
        "19 policies.0.heal.0.then",
        "19 policies.0.heal.0.rule",
        "20 policies.0.heal.1.failures",
        "20 policies.0.heal.1.the",
        "21 policies.0.heal.2.rule",
        "21 policies.0.heal.2.then",
        "21 policies.0.heal.2.cooldown",
        "22 policies.1.name",
        "22 policies.1",
    ]


def test_a_mistake_in_a_plugin_is_told_in_the_same_words(write: Write) -> None:
    path = write(
        "a.yaml",
        policies(policy(rest="scale: {max: 3, metrics: [{query: x, step: {steps: []}}]}\n")),
    )
    assert problems(path)[0].endswith(".step.steps: at least 1 item is needed")


def test_a_key_that_is_only_missing_because_of_another_is_not_told(write: Write) -> None:
    path = write("a.yaml", policies(policy(rest="scale: {mx: 3}\n")))
    assert len(problems(path)) == 1


def test_a_name_stands_once_in_all_files(write: Write) -> None:
    first = write("a.yaml", policies(policy("web", "[a]")))
    second = write("b.yaml", policies(policy("web", "[b]")))
    assert problems(first.parent) == [
        f"{second}:3:5: policies.0.name: a policy named 'web' stands at {first}:3 already"
    ]


def test_a_service_is_named_by_one_policy_in_all_files(write: Write) -> None:
    first = write("a.yaml", policies(policy("web", "[shop_web, 'shop_*']")))
    second = write("b.yaml", policies(policy("all", "['shop_*', shop_api, shop_web]")))
    exact, glob = sorted(problems(first.parent), reverse=True)
    assert exact.startswith(f"{second}:4:36: policies.0.services.2: service 'shop_web' is covered")
    assert exact.endswith(f"by policy 'web' at {first}:3 already")
    assert glob.endswith(f"service 'shop_api' is covered by 'shop_*' of policy 'web' at {first}:3")


@pytest.mark.parametrize(
    ("services", "rest"),
    [("['shop_*']", ""), ("[other, '*_web']", ""), ("[]", "selector: {name: '*'}\n")],
)
def test_a_service_of_one_policy_matches_no_glob_of_another(
    write: Write, services: str, rest: str
) -> None:
    """The problem is told where the later of the two stands."""
    one, all_ = policy("web", "[shop_web]"), policy("all", services, rest)
    path = write("a.yaml", policies(one, all_))
    (found,) = problems(path)
    assert found.endswith(f"covers service 'shop_web', as policy 'web' at {path}:3 does already")
    path = write("a.yaml", policies(all_, one))
    (found,) = problems(path)
    assert ".services.0: service 'shop_web' is covered by " in found
    assert found.endswith(f" of policy 'all' at {path}:3")


@pytest.mark.parametrize(
    "rest", ["selector: {name: 'shop_*', stack: shop}", "selector: {labels: {a: b}}"]
)
def test_what_only_a_cluster_can_tell_is_left_to_the_service(write: Write, rest: str) -> None:
    some = policy("all", "['api_*', '*_api']", f"{rest}\n")
    assert problems(write("a.yaml", policies(policy("web", "[shop_web]"), some))) == []


def test_doubles_are_told_beside_other_problems(write: Write) -> None:
    path = write("a.yaml", policies(policy("web", "[a]", "mode: fast\n"), policy("web", "[a]")))
    assert [line.split(": ")[1] for line in problems(path)] == [
        "policies.0.mode",
        "policies.1.name",
        "policies.1.services.0",
    ]


def test_a_problem_in_one_file_applies_nothing(write: Write) -> None:
    write("a.yaml", policies(policy()))
    bad = write("b.yaml", "version: 2\n")
    with pytest.raises(Problems, match=r"b\.yaml:1:1: version: should be less than"):
        PolicyFiles([bad.parent]).load()


def test_an_empty_directory_is_an_empty_set(tmp_path: Path) -> None:
    assert PolicyFiles([tmp_path]).load().policies == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: b\nc: \xff", ":2:4: not UTF-8 text"),
        (b"#" * (LARGEST + 1), ": cannot be read: larger than 256 KiB: split it"),
        (b"- a", ":1:1: this is no mapping"),
    ],
)
def test_what_is_no_policy_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    assert problems(path)[0].startswith(f"{path}{told}")


def test_what_is_no_file_at_all_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    gone = tmp_path / "gone.yaml"
    assert problems(pipe) == [f"{pipe}: cannot be read: a device, not a file"]
    assert problems(gone) == [f"{gone}: cannot be read: No such file or directory"]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(policies(policy()), encoding="utf-8-sig")
    assert len(PolicyFiles([path]).load().policies) == 1


def test_a_login_in_an_address_is_not_stored_with_decisions(write: Write) -> None:
    metric = (
        "{source: scrape, metric: up, urls: ['http://me:secret@web/metrics'], target: {value: 1}}"
    )
    path = write("a.yaml", policies(policy(rest=f"scale: {{max: 3, metrics: [{metric}]}}\n")))
    (loaded,) = PolicyFiles([path]).load().policies
    assert "secret" not in str(loaded.document)
    assert "http://***@web/metrics" in str(loaded.document)
    assert "secret" in str(loaded.policy)
    again = parse_policy(loaded.document)
    assert again.scale is not None


def test_sources_of_settings_are_known(write: Write) -> None:
    text = policies(policy(rest=SCALE.replace("- query", "- source: thanos\n      query")))
    path = write("a.yaml", text)
    assert "no sources plugin 'thanos'" in problems(path)[0]
    loaded = PolicyFiles([path], {"thanos": "prometheus"}).load()
    assert loaded.policies[0].policy.scale is not None
