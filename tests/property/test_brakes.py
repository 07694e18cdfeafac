"""Whatever befalls a fleet, healing keeps to its brakes: generated histories, see `fleets.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import pytest

from autoscaler.model import Act, NodeState
from tests.property.fleets import Heal, World, history, is_wrong

HISTORIES = int(os.environ.get("BRAKE_HISTORIES", "10000"))
GROUPS = 20
PASSES = 20
BUDGET = 10.0
AFTER = 3


@pytest.fixture(scope="module", params=range(GROUPS))
def worlds(request: pytest.FixtureRequest) -> list[World]:
    """A share of the histories."""
    share = HISTORIES // GROUPS
    seeds = range(request.param * share, (request.param + 1) * share)
    return [history(seed, PASSES) for seed in seeds]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_brakes_hold_in_every_history(
    worlds: list[World], record_property: Callable[[str, object], None]
) -> None:
    for world in worlds:
        one_at_a_time(world)
        never_in_a_sick_fleet(world)
        enough_stays(world)
        only_what_may_be_written(world)
        ends_in_quarantine(world)
        waits_longer_each_time(world)
        goes_by_known_numbers(world)
        spreads_again_only_when_the_nodes_have_changed(world)
    heals = sum(len(world.heals) for world in worlds)
    record_property("played", f"{len(worlds)} histories of {PASSES} passes, {heals} cures")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_histories_try_every_cure() -> None:
    heals = [heal for seed in range(100) for heal in history(seed, PASSES).heals]
    assert len(heals) > 100
    assert {heal.action.kind for heal in heals} == {Act.RESTART, Act.REPLACE, Act.REBALANCE}
    assert any(heal.action.rule == "probe" for heal in heals)


def one_at_a_time(world: World) -> None:
    for first, second in pairwise(world.heals):
        assert second.at >= first.at + BUDGET


def never_in_a_sick_fleet(world: World) -> None:
    for heal in world.heals:
        lost = sum(state is not NodeState.READY for state in heal.nodes)
        assert NodeState.UNKNOWN not in heal.nodes
        assert lost < 3 or lost < 0.55 * len(heal.nodes)
        assert heal.sick < 3 or heal.sick < 0.4 * heal.watched


def enough_stays(world: World) -> None:
    least = world.policy.disruption.min_available
    for heal in world.heals:
        taken = taken_away(heal)
        assert not taken or heal.healthy - taken >= least


def taken_away(heal: Heal) -> int:
    """Healthy tasks that are stopped before others run in their stead."""
    if heal.action.kind is Act.REPLACE:
        return sum(task.healthy for task in heal.tasks if task.id == heal.action.task)
    if heal.service.start_first:
        return 0
    return min(heal.service.at_once or heal.healthy, heal.healthy)


def only_what_may_be_written(world: World) -> None:
    for heal in world.heals:
        assert heal.service.rollout.settled
        assert heal.action.replicas == heal.action.previous == heal.service.replicas
        if heal.action.kind is Act.REPLACE:
            assert heal.action.forced is None
            assert heal.action.container in {t.container_id for t in heal.tasks if t.wanted}
        else:
            assert heal.action.forced == heal.service.forced + 1


def goes_by_known_numbers(world: World) -> None:
    """Nothing is healed by what is not known, nor by what nobody has seen twice."""
    for heal in world.heals:
        if heal.action.rule == "probe":
            assert is_wrong(heal.number)
            assert heal.seen_wrong > 0
            assert heal.wrong < 3 or heal.wrong < 0.4 * heal.watched


def spreads_again_only_when_the_nodes_have_changed(world: World) -> None:
    for key in world.services:
        mine = [heal for heal in world.heals if heal.service.id == key]
        spread = [heal.at for heal in mine if heal.action.kind is Act.REBALANCE]
        for first, second in pairwise(spread):
            then = [nodes for at, nodes in world.known_nodes if at <= first][-1]
            since = [nodes for at, nodes in world.known_nodes if first < at <= second]
            assert any(nodes != then for nodes in since)


def ends_in_quarantine(world: World) -> None:
    """Between two fresh starts a service is healed so often, and no more."""
    for key in world.services:
        marks = [0, *world.starts.get(key, ()), world.count(key)]
        for begun, ended in pairwise(marks):
            assert ended - begun <= AFTER


def waits_longer_each_time(world: World) -> None:
    for key in world.services:
        mine = [heal for heal in world.heals if heal.service.id == key]
        marks = set(world.starts.get(key, ()))
        run = 0
        for index, heal in enumerate(mine):
            run = 0 if index in marks else run
            if run:
                assert heal.at >= mine[index - 1].at + min(10.0 * 2 ** (run - 1), 300.0)
            run += 1
