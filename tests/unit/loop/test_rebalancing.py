"""Around the loop: a node comes back, and the tasks are spread anew, once."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import Act, Node, NodeState
from autoscaler.testing.builders import a_service
from autoscaler.testing.scenario import Scenario

POLICY = {
    "name": "spread",
    "services": ["*"],
    "heal": [
        {"rule": "imbalance", "stable": "5m", "then": "rebalance", "cooldown": "0s"},
        {"rule": "node_lost", "then": "notify"},
    ],
}


async def test_tasks_are_spread_over_a_node_that_came_back_once_and_no_more() -> None:
    async with Scenario(a_service(4), policies=[POLICY]) as scene:
        await scene.cycles(5, seconds=60)
        assert scene.swarm.applied == []
        scene.swarm.nodes["node2"] = Node(id="node2", hostname="zwei")
        await scene.cycles(4, seconds=60)
        assert scene.swarm.applied == []
        await scene.cycles(3, seconds=60)
        assert [action.kind for action in scene.swarm.applied] == [Act.REBALANCE]
        # Whatever Swarm made of it: new tasks are not moved again.
        await scene.cycles(60, seconds=60)
        assert len(scene.swarm.applied) == 1


async def test_while_a_node_is_unknown_nothing_is_moved() -> None:
    async with Scenario(a_service(4), policies=[POLICY]) as scene:
        await scene.cycle()
        scene.swarm.nodes["node2"] = Node(id="node2", hostname="zwei")
        third = Node(id="node3", hostname="drei", state=NodeState.UNKNOWN)
        scene.swarm.nodes["node3"] = third
        await scene.cycles(20, seconds=60)
        assert scene.swarm.applied == []
        scene.swarm.nodes["node3"] = replace(third, state=NodeState.READY)
        await scene.cycles(10, seconds=60)
        assert [action.kind for action in scene.swarm.applied] == [Act.REBALANCE]
