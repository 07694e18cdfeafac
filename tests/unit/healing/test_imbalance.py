"""What `imbalance` finds: tasks that stayed where they were when a node came back."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.healing.imbalance import Imbalance
from autoscaler.model import (
    Act,
    Finding,
    Health,
    Host,
    Memory,
    NodeState,
    Rollout,
    Service,
    Task,
    TaskState,
)
from autoscaler.testing.builders import LONG_AGO, NOW, a_healer, a_service, a_task, observe
from autoscaler.testing.checkups import examine

RULE = Imbalance()
THREE = {key: Host(name=key.upper()) for key in ("a", "b", "c")}
TWO = {**THREE, "c": Host(name="C", state=NodeState.DOWN, eligible=False)}
STABLE = 300.0


def placed(created_at: float = LONG_AGO, **counts: int) -> tuple[Task, ...]:
    """So many tasks on each node."""
    nodes = [node for node, count in counts.items() for _ in range(count)]
    return tuple(
        a_task(n, node_id=node, created_at=created_at) for n, node in enumerate(nodes, start=1)
    )


def look(
    tasks: tuple[Task, ...],
    memory: Any = None,
    *,
    now: float,
    hosts: dict[str, Host] | None = THREE,
    service: Service | None = None,
    rule: Imbalance = RULE,
) -> tuple[Any, Finding | None]:
    whole = service or a_service(len(tasks))
    return examine(rule, *tasks, service=whole, memory=memory, now=now, hosts=hosts)


def returned(now: float = NOW) -> Any:
    """What is remembered once a node has come back."""
    memory, _ = look(placed(a=3, b=3), hosts=TWO, now=now - 600)
    memory, finding = look(placed(a=3, b=3), memory, now=now)
    assert finding is None
    return memory


def test_a_node_that_came_back_and_stays_empty_is_found_once_the_nodes_are_stable() -> None:
    memory = returned()
    memory, finding = look(placed(a=3, b=3), memory, now=NOW + STABLE - 1)
    assert finding is None
    _, finding = look(placed(a=3, b=3), memory, now=NOW + STABLE)
    assert finding is not None
    assert finding.state is Health.HEALTHY
    assert finding.reason == "B has 3 tasks and C 0: a skew of 3, where 2 is allowed"


def test_a_node_that_comes_and_goes_is_waited_for() -> None:
    memory = returned()
    for minute in range(1, 30):
        hosts = TWO if minute % 4 == 0 else THREE
        memory, finding = look(placed(a=3, b=3), memory, now=NOW + 60.0 * minute, hosts=hosts)
        assert finding is None, minute


def test_tasks_that_were_started_since_are_where_swarm_wants_them() -> None:
    memory = returned()
    restarted = placed(created_at=NOW + 400, a=3, b=3)
    assert look(restarted, memory, now=NOW + 9000)[1] is None
    assert look((*placed(a=1), *restarted[1:]), memory, now=NOW + 9000)[1] is not None


@pytest.mark.parametrize(
    ("counts", "max_skew", "found"),
    [
        ({"a": 2, "b": 2}, 2, False),
        ({"a": 2, "b": 2}, 1, True),
        ({"a": 4, "b": 2, "c": 1}, 2, True),
        ({"a": 2, "b": 2, "c": 2}, 1, False),
        ({"a": 3, "b": 2, "c": 2}, 1, False),
    ],
)
def test_the_skew_that_is_allowed(counts: dict[str, int], max_skew: int, found: bool) -> None:
    rule, tasks = Imbalance(max_skew=max_skew), placed(**counts)
    memory, _ = look(tasks, now=NOW, rule=rule)
    assert (look(tasks, memory, now=NOW + STABLE, rule=rule)[1] is not None) is found


@pytest.mark.parametrize(
    "hosts",
    [
        None,
        {},
        {**THREE, "c": Host(name="C", state=NodeState.UNKNOWN, eligible=False)},
        {**THREE, "c": Host(name="C", eligible=False)},
        {**THREE, "c": Host(name="C", full=True)},
    ],
    ids=["not looked at", "not listed", "unknown", "drained or excluded", "full"],
)
def test_a_node_that_takes_no_task_cannot_be_filled(hosts: dict[str, Host] | None) -> None:
    memory: Any = None
    for turn in range(10):
        now = NOW + turn * STABLE
        memory, finding = look(placed(a=3, b=3), memory, now=now, hosts=hosts)
        assert finding is None


@pytest.mark.parametrize(
    "changes",
    [{"rollout": Rollout.UPDATING}, {"replicas": 7}, {"replicas": None}],
    ids=["an update is under way", "not all replicas run", "no replicas to spread"],
)
def test_a_service_in_motion_is_left_to_settle(changes: dict[str, Any]) -> None:
    memory = returned()
    service = a_service(**{"replicas": 6, **changes})
    assert look(placed(a=3, b=3), memory, now=NOW + 9000, service=service)[1] is None


def test_a_service_without_tasks_has_no_skew() -> None:
    gone = (a_task(1, TaskState.SHUTDOWN, desired=TaskState.SHUTDOWN),)
    assert look(gone, returned(), now=NOW + 9000, service=a_service(0))[1] is None


ENTRY = {"rule": "imbalance", "stable": "0s", "for": "0s", "then": "rebalance"}


def test_it_is_cured_by_a_restart_under_a_name_of_its_own() -> None:
    seen = observe(a_service(6), tasks=placed(a=3, b=3), hosts=THREE)
    _, decision = decide(a_healer(ENTRY), seen, Memory())
    action = decision.action
    assert action is not None
    assert (action.kind, action.rule, action.forced) == (Act.REBALANCE, "imbalance", 1)
    assert action.told == "rebalance"


def test_any_other_cure_comes_first() -> None:
    old = {"rule": "max_age", "older_than": "1h", "then": "restart"}
    seen = observe(a_service(6), tasks=placed(a=3, b=3), hosts=THREE)
    for entries in ([ENTRY, old], [old, ENTRY]):
        _, decision = decide(a_healer(*entries), seen, Memory())
        assert decision.action is not None
        assert decision.action.kind is Act.RESTART


def test_unless_stated_it_must_last_for_longer_than_a_list_of_nodes_is_old() -> None:
    assert a_healer({"rule": "imbalance", "then": "rebalance"}).heal[0].lasting == 30.0
    stated = {"rule": "imbalance", "then": "rebalance", "for": "0s"}
    assert a_healer(stated).heal[0].lasting == 0.0


def test_min_available_holds_it_as_any_restart() -> None:
    policy = a_healer(ENTRY, disruption={"min_available": 6})
    seen = observe(a_service(6), tasks=placed(a=3, b=3), hosts=THREE)
    _, decision = decide(policy, seen, Memory())
    assert decision.held_by == "min_available"
    assert "a rebalance takes 1 at a time" in decision.reason
