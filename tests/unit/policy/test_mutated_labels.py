"""No labels, however broken, take the service down, and each error names its label."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

import pytest

from autoscaler import labels, records
from autoscaler.brake import Brake, BrakeLimits
from autoscaler.covering import Covering
from autoscaler.model import Memory
from autoscaler.passes import Passes
from autoscaler.policy import parse_policy
from autoscaler.policy_files import PolicySet
from autoscaler.testing.builders import NOW, a_service
from autoscaler.view import View

SETS = 10_000
SLICES = 10
GOOD = {
    "enable": "true",
    "mode": "dry-run",
    "min": "2",
    "max": "10",
    "target.cpu": "70",
    "metrics.cpu.window": "30s",
    "query": 'sum(rate(jobs_total{service="$service"}[1m]))',
    "target": "100",
    "metrics.orders.query": "orders",
    "metrics.orders.step.steps": "[{lower: 80, change: 2}, {upper: 20, change: -1}]",
    "behavior.scale_down.stabilization": "2m",
    "behavior.scale_up.policies": "[{percent: 50, period: 1m}]",
    "schedules.night.cron": "0 22 * * *",
    "schedules.night.duration": "8h",
    "schedules.night.min": "1",
    "hold_down_while.batch.query": "batch_jobs",
    "on_missing.fallback": "6",
    "on_missing.after": "5m",
    "cooldown.manual": "10m",
    "heal.crash_loop.failures": "3",
    "heal.crash_loop.within": "5m",
    "heal.crash_loop.then": "rollback",
    "heal.slow.rule": "alert",
    "heal.slow.match": "{alertname: Slow}",
    "heal.slow.then": "restart",
    "disruption.min_available": "1",
    "release.watch": "10m",
    "release.checks.errors.query": "errors",
    "release.checks.errors.max": "0.05",
}
WORDS = [
    *("", " ", "..", "a.b", "\x00", "é", "\U0010ffff", "0", "-1", "\n", "[", "{", "$service"),
    *("enable", "min", "max", "target", "cpu", "memory", "query", "metrics", "value", "formula"),
    *("behavior", "scale_up", "policies", "on_missing", "schedules", "name", "source", "urls"),
    *("mode", "services", "selector", "heal", "x" * 500, "a." * 60, "name.name", "tasks"),
    *("release", "checks", "rule", "then", "exhausted", "disruption", "traffic"),
]
VALUES = [
    *("", " ", "true", "yes", "null", "-1", "1e9", "9" * 400, "NaN", ".inf", "0x1F", "1_000", "٣"),
    *("5m", "-5m", "400d", "70%", "on", "hold", "disabled", "* * * * *", "99 99 * * *", "UTC"),
    *("[", "{", "[]", "{}", "{a: 1}", "[[1]]", "{name: a}", "[{name: a}, {name: a}]", "!!str x"),
    *("&a [*a]", "{a: &a {b: 1}, c: *a}", "[" * 60, "{a: " * 40, "{1: 2}", "[.nan]", "{é: \x00}"),
    *("x" * 5000, "\x00", "\u2028", "{{braces}}", "%s %(x)s", "docker", "scrape", "no such"),
    "{source: scrape, metric: x, urls: [http://127.0.0.1/], target: {value: 1}}",
    "[{name: q, source: constant, value: 3, target: {average_value: 1}}]",
]
Labels = dict[str, str]


def _add(stated: Labels, rng: random.Random) -> None:
    stated[rng.choice(WORDS)] = rng.choice(VALUES)


def _drop(stated: Labels, rng: random.Random) -> None:
    stated.pop(rng.choice([*stated]))


def _change(stated: Labels, rng: random.Random) -> None:
    stated[rng.choice([*stated])] = rng.choice(VALUES)


def _rename(stated: Labels, rng: random.Random) -> None:
    key = rng.choice([*stated])
    words = key.split(".")
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    stated[".".join(words)] = stated.pop(key)


def _deepen(stated: Labels, rng: random.Random) -> None:
    stated[f"{rng.choice([*stated])}.{rng.choice(WORDS)}"] = rng.choice(VALUES)


def _damage(stated: Labels, rng: random.Random) -> None:
    key = rng.choice([*stated])
    text = stated[key]
    place = rng.randrange(len(text) + 1)
    stated[key] = text[:place] + rng.choice(VALUES) + text[place + rng.choice((0, 1, 5)) :]


def _many(stated: Labels, rng: random.Random) -> None:
    stated |= {f"{rng.choice(WORDS)}{number}": rng.choice(VALUES) for number in range(180)}


MUTATIONS: tuple[Callable[[Labels, random.Random], None], ...] = (
    *(_add, _drop, _change, _rename, _deepen, _damage) * 8,
    _many,
)


def mutated(rng: random.Random) -> Labels:
    stated = dict(GOOD)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if stated:
            rng.choice(MUTATIONS)(stated, rng)
    return {f"autoscaler.{key}": value for key, value in stated.items()}


@pytest.fixture
def passes() -> Passes:
    return Passes(View(), Brake(BrakeLimits()), {}, 60.0, NOW)


def check(passes: Passes, covering: Covering, stated: Mapping[str, str]) -> bool:
    """Whether the labels hold; asserts what must be so of any."""
    service = a_service(labels=dict(stated))
    policies = covering(service)
    if not policies:
        assert stated.get("autoscaler.enable", "").strip().lower() == "false" or not stated
        return True
    (loaded,) = policies
    passed = passes.begin(NOW).over(service, policies)
    records.dump(passed.record)
    if not loaded.problems:
        assert parse_policy(loaded.document) == loaded.policy
        return True
    assert passed.decision.held_by == "labels"
    assert passed.decision.action is None
    assert passed.memory == Memory()
    for problem in loaded.problems:
        assert names_a_label(problem, stated), problem
    return False


def names_a_label(problem: str, stated: Mapping[str, str]) -> bool:
    """Whether a problem begins with a label that is there, or that is missing, or with all."""
    if problem.startswith("labels autoscaler.*: "):
        return True
    missing = problem.endswith("this key is required") or ": not there" in problem
    there = any(problem.startswith(f"label {key[:200]}") for key in stated)
    return there or (missing and problem.startswith("label autoscaler."))


@pytest.mark.parametrize("part", range(SLICES))
def test_mutated_labels_hold_whole_or_not_at_all_and_errors_name_them(
    part: int, passes: Passes, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(part)
    slowest, refused = 0.0, 0
    for number in range(SETS // SLICES):
        covering = Covering(PolicySet, {})
        stated = mutated(rng)
        started = time.process_time()
        try:
            refused += not check(passes, covering, stated)
        except Exception as error:
            raise AssertionError(f"part {part}, set {number}: {stated}") from error
        slowest = max(slowest, time.process_time() - started)
    assert 0.3 < refused / (SETS // SLICES) < 0.99
    record_property("slowest", f"{slowest:.2f} s of CPU")


def test_the_labels_that_are_mutated_are_right() -> None:
    found = labels.read(a_service(labels={f"autoscaler.{k}": v for k, v in GOOD.items()}))
    assert found is not None
    assert found.problems == ()
