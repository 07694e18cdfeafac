"""Traps that another autoscaler is known to have fallen into; each is kept out by a test.

They are those of Nomad's autoscaler 0.4.8 to 0.5.0, found by running its own code.
"""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import Memory, Outcome, Sample
from autoscaler.testing.builders import (
    a_memory,
    a_policy,
    a_policy_document,
    a_service,
    at_once,
    observe,
    unknown,
    value,
)
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import Answer, constant
from autoscaler.view import Samples


def asks(name: str, **words: Any) -> dict[str, Any]:
    return {"name": name, "query": name, "pass_through": {}, **words}


def document(*metrics: dict[str, Any], **scale: Any) -> dict[str, Any]:
    return a_policy_document(metrics=metrics, **{"behavior": at_once(), **scale})


def answers(**samples: Sample) -> Answer:
    """By query; another query has no data."""
    return lambda query, _service: samples.get(query, unknown())


# 1. an error of one metric stops all of them


@pytest.mark.parametrize("on_error", ["hold", "ignore"])
async def test_a_metric_that_fails_or_is_empty_does_not_keep_another_from_growing(
    on_error: str,
) -> None:
    policy = document(asks("broken", on_error=on_error), asks("load"))
    scene = Scenario(a_service(3), policies=[policy], answer=answers(load=value(8.0)))
    async with scene:
        await scene.cycle()
        assert scene.replicas() == 8


# 2. an error that is ignored votes all the same


@pytest.mark.parametrize("group", ["", "one"])
async def test_a_metric_that_is_ignored_does_not_vote(group: str) -> None:
    optional = asks("broken", on_error="ignore", group=group)
    policy = document(optional, asks("load", group=group))
    async with Scenario(a_service(8), policies=[policy], answer=answers(load=value(3.0))) as scene:
        await scene.cycle()
        assert scene.replicas() == 3


# 3. a count outside of the bounds stays there while metrics are content


@pytest.mark.parametrize(("replicas", "expected"), [(14, 10), (1, 2)])
def test_a_count_outside_of_the_bounds_is_corrected_while_the_metrics_are_content(
    replicas: int, expected: int
) -> None:
    policy = a_policy(min=2, max=10)
    seen = observe(a_service(replicas), {"load": value(100.0 * replicas)})
    _, decision = decide(policy, seen, a_memory(replicas))
    assert decision.action is not None
    assert decision.action.replicas == expected


# 4. a cooldown that a restart, or somebody else, began is not kept


async def test_a_rest_holds_over_a_restart() -> None:
    policy = document(asks("load"), cooldown={"up": "10m"})
    async with Scenario(a_service(3), policies=[policy], answer=constant(5.0)) as scene:
        await scene.cycle()
        assert scene.replicas() == 5
        await scene.restart()
        scene.source.answer = constant(8.0)
        await scene.cycles(3)
        assert (scene.replicas(), (await scene.last()).held_by) == (5, "cooldown")
        await scene.cycle(seconds=600)
        assert scene.replicas() == 8


async def test_what_somebody_changed_while_we_were_away_begins_a_rest() -> None:
    policy = document(asks("load"), cooldown={"manual": "10m"})
    async with Scenario(a_service(3), policies=[policy], answer=constant(3.0)) as scene:
        await scene.cycle()
        scene.swarm.write("web-id", replicas=5)
        await scene.restart()
        scene.source.answer = constant(8.0)
        await scene.cycles(3)
        assert (scene.replicas(), (await scene.last()).held_by) == (5, "manual_change")


# 5. a target that is not there at the start


async def test_a_service_that_is_not_there_yet_is_waited_for() -> None:
    async with Scenario(policies=[document(asks("load"))], answer=constant(5.0)) as scene:
        await scene.cycle()
        await scene.controller.refresh("web-id")
        scene.swarm.services["web-id"] = a_service(3)
        scene.swarm.tasks["web-id"] = ()
        await scene.cycle()
        assert scene.replicas() == 5


# 6. a correction downwards passes for growth


def test_up_by_one_above_the_max_is_a_correction_downwards() -> None:
    step = {"name": "load", "query": "q", "step": {"steps": [{"lower": 1, "change": 1}]}}
    policy = a_policy(metrics=[step], max=10, cooldown={"up": "30m"})
    _, decision = decide(policy, observe(a_service(14), {"load": value(5.0)}), a_memory(14))
    assert decision.action is not None
    assert (decision.action.previous, decision.action.replicas) == (14, 10)
    assert decision.reason == "14 is outside of max: 10"


async def test_it_is_remembered_as_a_shrink() -> None:
    async with Scenario(a_service(14), policies=[document(asks("load"))]) as scene:
        await scene.cycle()
        assert [change.change for change in scene.memories["web-id"].scaled] == [-4]


# 7. a dry run begins a cooldown, and calls the target


async def test_a_dry_run_writes_nothing_and_begins_no_rest() -> None:
    dry = {**document(asks("load"), cooldown={"up": "30m", "down": "30m"}), "mode": "dry-run"}
    async with Scenario(a_service(3), policies=[dry], answer=constant(8.0)) as scene:
        await scene.cycle()
        decision = await scene.last()
        assert (decision.held_by, decision.wanted) == ("dry_run", 8)
        assert scene.swarm.applied == []
        assert scene.memories["web-id"].scaled == ()
        assert scene.memories["web-id"].disturbed_at is None


# 8. one that has lost its lead goes on writing


async def test_of_two_that_decide_from_the_same_version_one_writes() -> None:
    """The version that was observed fences: who comes second has a conflict, and looks again."""
    policy = document(asks("load"))
    async with (
        Scenario(a_service(3), policies=[policy], answer=constant(5.0)) as late,
        Scenario(policies=[policy], answer=constant(8.0)) as leader,
    ):
        leader.orchestrator = leader.swarm = late.swarm
        await leader.restart()
        late.view.adopt(await late.swarm.snapshot())
        late.view.samples["web-id"] = Samples(late.clock(), {"load": value(5.0)})
        services = list(late.view.services.values())
        (intent,) = await late.reconciler.reconcile(services, late.covering)
        await leader.cycle()
        assert await late.reconciler.act(intent) is Outcome.CONFLICT
        assert late.replicas() == 8
        assert len(late.swarm.applied) == 1


def test_no_trap_is_avoided_by_never_acting() -> None:
    seen = observe(a_service(3), {"load": value(5.0)})
    policy = a_policy(metrics=[asks("load")], behavior=at_once())
    assert decide(policy, seen, Memory())[1].action is not None
