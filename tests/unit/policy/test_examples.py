"""The examples load, decide what they say, and are the same as labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from autoscaler import labels
from autoscaler.brake import Brake, BrakeLimits
from autoscaler.model import Decision, Quality, Sample, Service
from autoscaler.passes import Passes
from autoscaler.policy import Policy
from autoscaler.policy_files import LoadedPolicy, PolicyFiles
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_service,
    per_task,
    some_tasks,
    unknown,
    value,
)
from autoscaler.view import Samples, View

EXAMPLES = Path(__file__).parents[3] / "policies" / "examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.yaml"))
AS_LABELS = re.compile(r"^#   (autoscaler\..*)$", re.MULTILINE)
WITH_LABELS = [name for name in FILES if AS_LABELS.search((EXAMPLES / name).read_text())]
NIGHT = datetime.fromisoformat("2024-01-17T02:30:00+01:00").timestamp()
NOON = datetime.fromisoformat("2024-01-17T12:00:00+01:00").timestamp()
SUNDAY = datetime.fromisoformat("2024-01-21T03:00:00+00:00").timestamp()
SALE = datetime.fromisoformat("2024-11-25T20:00:00+00:00").timestamp()


def loaded(name: str) -> LoadedPolicy:
    (found,) = PolicyFiles([EXAMPLES / name]).load().policies
    return found


def a_service_of(policy: Policy, replicas: int) -> Service:
    """A service that a policy covers, and that has been so large for long."""
    if policy.services:
        return a_service(replicas, name=policy.services[0])
    selector = policy.selector
    assert selector is not None
    name = (selector.name or "web").replace("*", "any")
    stack = {"com.docker.stack.namespace": selector.stack or ""}
    return a_service(replicas, name=name, labels={**selector.labels, **stack})


def planned(
    name: str,
    replicas: int,
    answers: Mapping[str, Sample],
    *,
    now: float = NOW,
    missing_for: float | None = None,
    coverage: Mapping[str, Sample] = MappingProxyType({}),
    holds: Mapping[str, Sample] = MappingProxyType({}),
) -> Decision:
    """What one pass would do with an example, by these answers."""
    found = loaded(name)
    service = a_service_of(found.policy, replicas)
    assert found.policy.covers(service)
    view = View()
    view.refresh(service, some_tasks(replicas), now)
    view.samples[service.id] = Samples(now, answers, coverage, holds)
    missing = None if missing_for is None else now - missing_for
    memory = a_memory(replicas, missing_since=missing, zeroed=replicas == 0)
    memories = {service.id: replace(memory, template=service.template)}
    passes = Passes(view, Brake(BrakeLimits()), memories, 60.0, now)
    return passes.begin(now).over(service, [found]).decision


def scaled(decision: Decision) -> int | None:
    return decision.action.replicas if decision.action else decision.current


@pytest.mark.parametrize(
    ("name", "replicas", "answers", "expected"),
    [
        ("cpu.yaml", 3, {"cpu": per_task(0.9, 0.9, 0.9, of=1.0, at=NOW)}, 4),
        ("cpu.yaml", 3, {"cpu": per_task(0.7, 0.65, 0.75, of=1.0, at=NOW)}, 3),
        ("cpu-cadvisor.yaml", 2, {"cpu": per_task(1.0, 1.0, at=NOW)}, 4),
        ("requests-per-replica.yaml", 3, {"requests": value(650)}, 7),
        ("latency.yaml", 4, {"p95": value(0.5)}, 8),
        ("queue-length.yaml", 1, {"backlog": value(40)}, 8),
        ("fleet-by-match.yaml", 2, {"requests": value(200)}, 4),
        ("fallback.yaml", 3, {"orders": value(20)}, 4),
        ("scale-to-zero.yaml", 0, {"query": value(1)}, 1),
        ("scale-to-zero.yaml", 0, {"query": value(90)}, 4),
        ("scale-to-zero.yaml", 1, {"query": value(0)}, 0),
        ("formula.yaml", 2, {"done": value(2), "coming": value(5), "backlog": value(600)}, 5),
        ("hold-down-while.yaml", 2, {"query": value(12)}, 6),
        ("freeze.yaml", 4, {"query": value(40)}, 8),
        ("alerts.yaml", 4, {"up": value(1), "down": value(0)}, 6),
        ("alerts.yaml", 4, {"up": value(0), "down": value(1)}, 3),
        ("alerts.yaml", 4, {"up": value(0), "down": value(0)}, 4),
        ("healing.yaml", 3, {"requests": value(650)}, 7),
        ("notify.yaml", 3, {"requests": value(650)}, 7),
    ],
)
def test_an_example_scales_as_it_says(
    name: str, replicas: int, answers: Mapping[str, Sample], expected: int
) -> None:
    holds = {"conversions": value(0), "backup": value(0)} if "hold" in name else {}
    coverage = {"cpu": value(1.0)} if "cadvisor" in name else {}
    decision = planned(name, replicas, answers, now=NOW, holds=holds, coverage=coverage)
    assert scaled(decision) == expected, decision.reason


def test_dry_run_only_tells() -> None:
    decision = planned("dry-run.yaml", 3, {"requests": value(700)})
    assert decision.held_by == "dry_run"
    assert decision.wanted == 7


def test_fallback_grows_to_a_safe_number_once_data_have_been_missing() -> None:
    missing = {"orders": unknown(Quality.ERROR, "no answer")}
    assert scaled(planned("fallback.yaml", 8, missing, missing_for=60)) == 8
    decision = planned("fallback.yaml", 8, missing, missing_for=200)
    assert decision.wanted == 12
    assert decision.action is not None


@pytest.mark.parametrize(
    ("now", "replicas", "load", "expected"),
    [(NOON, 4, 400, 6), (NOON, 6, 1000, 10), (NIGHT, 6, 600, 4), (NIGHT, 1, 100, 2)],
)
def test_office_hours_move_the_bounds(
    now: float, replicas: int, load: float, expected: int
) -> None:
    asked = {"query": value(load)}
    assert scaled(planned("office-hours.yaml", replicas, asked, now=now)) == expected


@pytest.mark.parametrize(
    ("now", "load", "held_by"),
    [(SUNDAY, 100, "freeze"), (SUNDAY, 1, "freeze"), (SALE, 1, "freeze"), (SALE, 100, None)],
)
def test_freeze_keeps_hands_off(now: float, load: float, held_by: str | None) -> None:
    assert planned("freeze.yaml", 8, {"query": value(load)}, now=now).held_by == held_by


@pytest.mark.parametrize(
    "holds",
    [
        {"conversions": value(1), "backup": value(0)},
        {"conversions": value(0), "backup": value(1)},
        {"conversions": unknown(), "backup": value(0)},
    ],
)
def test_nothing_shrinks_while_work_is_under_way(holds: Mapping[str, Sample]) -> None:
    idle = {"query": value(0)}
    assert planned("hold-down-while.yaml", 4, idle, holds=holds).held_by == "busy"


def test_steps_need_three_points_that_agree() -> None:
    policy = loaded("step.yaml").policy
    assert policy.scale is not None
    step = policy.scale.metrics[0].strategy
    assert planned("step.yaml", 4, {"query": value(0.97)}).action is None
    assert step.recommend([0.97, 0.97, 0.97], 4) == 6  # type: ignore[attr-defined]
    assert step.recommend([0.1, 0.1, 0.1], 4) == 3  # type: ignore[attr-defined]
    assert step.recommend([0.5, 0.5, 0.5], 4) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FILES)
def test_an_example_holds_a_service_without_data(name: str) -> None:
    decision = planned(name, 3, {})
    assert decision.action is None
    assert decision.held_by == "missing_data"


@pytest.mark.parametrize("name", WITH_LABELS)
def test_an_example_is_the_same_as_the_labels_that_it_names(name: str) -> None:
    text = "\n".join(AS_LABELS.findall((EXAMPLES / name).read_text())).replace("$$", "$")
    stated = {key: str(label) for key, label in parse(text).data.items()}
    written = loaded(name).policy
    found = labels.read(replace(a_service(), name=written.services[0], labels=stated))
    assert found is not None
    assert found.problems == ()
    assert found.policy is not None
    assert found.policy.scale is not None
    assert written.scale is not None
    assert by_name(found.policy) == by_name(written)


def by_name(policy: Policy) -> object:
    """What it says of scaling; labels have no order."""
    assert policy.scale is not None
    said = policy.scale.model_dump()
    for kind in ("metrics", "schedules", "hold_down_while"):
        said[kind] = sorted(said[kind], key=lambda item: str(item["name"]))
    return said


def test_the_table_names_every_example() -> None:
    table = (EXAMPLES.parent / "README.md").read_text()
    assert sorted(re.findall(r"\(examples/(.+?)\)", table)) == FILES
