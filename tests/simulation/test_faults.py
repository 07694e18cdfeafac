"""Faults end: nothing of them is left in the world, and the product goes on as before."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.testing.engine.faults import Faults
from tests.simulation.faults import FAULTS, TOPICS
from tests.simulation.incidents.stage import Stage, perform
from tests.simulation.world import START, World

LASTS = 25.0
"""Seconds of each, so that there is a pass in it."""


def left_over(world: World) -> dict[str, Any]:
    """What is not as it was before any fault."""
    server, journal = world.prometheus, world.swarm.cluster.journal
    found = {
        "engine": world.swarm.faults != Faults(),
        "events": journal.silent or journal.underway is not None,
        "nodes": [
            node.hostname
            for node in world.swarm.cluster.nodes.values()
            if (node.state, node.availability) != ("ready", "active")
        ],
        "metrics": server.faults or server.refuses or server.skew or server.frozen_at,
        "alerts": world.alertmanagers.apart or not all(m.up for m in world.alertmanagers.members),
        "network": world.network.silent("engine", "autoscaler"),
        "store": world.disk.wrong or world.disk.seconds,
        "clock": world.clock.now - START,
        "process": not world.product.running,
    }
    return {name: left for name, left in found.items() if left}


def test_there_are_enough_kinds_and_each_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) >= 30


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.rpartition(".")[2])
def test_ended_faults_leave_nothing_behind(topic: Any) -> None:
    async def one_after_the_other(stage: Stage, _braked: bool) -> None:
        stage.service("web", 4, max=9)
        stage.service("api", 3, max=9)
        await stage.begin()
        images = dict(stage.world.swarm.cluster.images)
        for fault in topic.FAULTS:
            stage.world.at_fault.add(fault.name)
            await fault.begin(stage.world)
            await stage.wait(LASTS)
            await fault.end(stage.world)
            stage.world.at_fault.discard(fault.name)
            await stage.wait(12)
            assert not left_over(stage.world), fault.name
            assert stage.world.swarm.cluster.images == images, fault.name
        await stage.wait(400)
        stage.tell("load_web", 700.0)
        await stage.wait(120)
        assert stage.replicas("web") == 7
        assert not stage.world.wrongs

    perform(one_after_the_other)


def test_what_is_left_over_is_found() -> None:
    async def never_ended(stage: Stage, _braked: bool) -> None:
        stage.service("web", 4)
        await stage.begin()
        for topic in TOPICS:
            await topic.FAULTS[0].begin(stage.world)
        await stage.wait(10)
        assert left_over(stage.world).keys() >= {"engine", "nodes", "metrics", "alerts", "clock"}

    perform(never_ended)
