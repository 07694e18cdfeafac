"""Which policies cover a service, quickly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from autoscaler.model import STACK_LABEL, Service
from autoscaler.policy import parse_policy
from autoscaler.policy_files import LoadedPolicy, PolicySet, policy_set


def loaded(name: str, **document: Any) -> LoadedPolicy:
    document = {"name": name, **document}
    return LoadedPolicy(parse_policy(document), document, "a.yaml", 1)


def service(name: str, **labels: str) -> Service:
    return Service(id=f"id-{name}", name=name, version=1, labels=labels)


def covering(found: PolicySet, asked: Service) -> list[str]:
    return [policy.policy.name for policy in found.covering(asked)]


CHOICES = PolicySet(
    (
        loaded("named", services=["shop_web"]),
        loaded("glob", services=["shop_*"]),
        loaded("middle", services=["*_web"]),
        loaded("class", services=["shop_[aw]*"]),
        loaded("stack", selector={"stack": "shop"}),
        loaded("stack-and-name", selector={"stack": "shop", "name": "*_api"}),
        loaded("label", selector={"labels": {"tier": "front", "team": "a"}}),
        loaded("name-and-label", selector={"name": "shop_web", "labels": {"tier": "front"}}),
        loaded("either", services=["other"], selector={"name": "shop_a*"}),
    )
)


def test_a_policy_that_covers_none_of_the_services_is_idle() -> None:
    policies = [loaded("web", services=["shop_*"]), loaded("spare", services=["gone", "old_*"])]
    found = PolicySet(tuple(policies)).idle([service("shop_web"), service("db")])
    assert [each.policy.name for each in found] == ["spare"]


def test_a_service_is_chosen_by_name_glob_stack_and_labels() -> None:
    assert covering(CHOICES, service("shop_web")) == ["named", "glob", "middle", "class"]
    assert covering(CHOICES, service("shop_api", **{STACK_LABEL: "shop"})) == [
        "glob",
        "class",
        "stack",
        "stack-and-name",
        "either",
    ]
    assert covering(CHOICES, service("x", tier="front", team="a")) == ["label"]
    assert covering(CHOICES, service("x", tier="front")) == []
    assert "name-and-label" in covering(CHOICES, service("shop_web", tier="front"))
    assert covering(CHOICES, service("other")) == ["either"]


def test_a_service_that_changed_is_looked_at_again() -> None:
    before = Service(id="1", name="x", version=1)
    assert covering(CHOICES, before) == []
    after = Service(id="1", name="x", version=2, labels={"tier": "front", "team": "a"})
    assert covering(CHOICES, after) == ["label"]
    assert covering(CHOICES, Service(id="1", name="other", version=3)) == ["either"]


def test_what_is_remembered_is_bounded() -> None:
    found = PolicySet((loaded("named", services=["a"]),))
    for number in range(policy_set.MOST_CACHED + 10):
        found.covering(Service(id=str(number), name="a", version=1))
    assert len(found._cache) <= policy_set.MOST_CACHED


def test_the_index_answers_as_the_policies_themselves_do() -> None:
    rng = random.Random(7)
    names = [f"{a}{b}_{c}" for a in "ab" for b in "xy" for c in ("web", "api", "a[b")]
    globs = ["a*", "*", "?x_web", "[ab]x_*", "ax_web", "*_api", "b", "ay_[!w]*"]
    labels = {"k": "v", "l": "w"}
    for _ in range(200):
        policies = []
        for number in range(rng.randrange(1, 8)):
            selector = {
                "stack": rng.choice([None, "s", "t"]),
                "name": rng.choice([None, *globs]),
                "labels": {k: v for k, v in labels.items() if rng.random() < 0.4},
            }
            stated = any(selector.values())
            chosen = [rng.choice(globs + names)] if rng.random() < 0.6 or not stated else []
            document: dict[str, Any] = {"services": chosen}
            if stated:
                document["selector"] = selector
            policies.append(loaded(f"p{number}", **document))
        found = PolicySet(tuple(policies))
        own = {**{k: v for k, v in labels.items() if rng.random() < 0.5}}
        asked = service(rng.choice(names), **own, **{STACK_LABEL: rng.choice("st")})
        assert list(found.covering(asked)) == [p for p in policies if p.policy.covers(asked)]


def test_a_large_fleet_is_matched(record_property: Callable[[str, object], None]) -> None:
    policies = [
        loaded(f"p{n}", services=[f"svc{n}" if n % 2 else f"svc{n}_*"]) for n in range(2000)
    ]
    found = PolicySet(tuple(policies))
    services = [service(f"svc{n % 2000}_x") for n in range(10_000)]
    for when in ("at first", "again"):
        started = time.process_time()
        covered = [len(list(found.covering(asked))) for asked in services]
        record_property(when, f"10,000 services in {time.process_time() - started:.2f} s of CPU")
        # Each second policy names services by a glob, which theirs fit.
        assert sum(covered) == 5000
