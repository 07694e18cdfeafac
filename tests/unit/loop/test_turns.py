"""A long pass lets others have their turn, and what they do meanwhile is not done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler import turns
from autoscaler.brake import BrakeLimits
from autoscaler.decide import recall
from autoscaler.model import Memory, Run, Scaled, Service
from autoscaler.news import differ
from autoscaler.testing.builders import a_policy_document, a_service, at_once, value
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.turns import Turns
from autoscaler.view import Samples

POLICY = a_policy_document(min=1, max=20, behavior=at_once(), policy={"services": ["*"]})


def three() -> Iterator[Service]:
    return (a_service(3, id=name, name=name) for name in "abc")


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has a turn before each piece of work."""
    monkeypatch.setattr(turns, "LONGEST", 0.0)


async def ready(scene: Scenario, load: float) -> None:
    """The fleet is known, and samples that say what is needed."""
    scene.view.adopt(await scene.swarm.snapshot())
    for key in scene.view.services:
        scene.view.samples[key] = Samples(scene.clock(), {"load": value(load)})


async def test_the_loop_is_kept_no_longer_than_stated() -> None:
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    turn, seen = Turns(), others
    await turn.next()
    assert others == seen
    await asyncio.sleep(0)
    turn._until = 0.0
    seen = others
    await turn.next()
    assert others == seen + 1
    task.cancel()


@pytest.mark.usefixtures("_hasty")
async def test_what_a_wake_up_has_looked_at_is_not_looked_at_again_with_an_earlier_time() -> None:
    async with Scenario(*three(), policies=[POLICY], answer=constant(300.0)) as scene:
        await ready(scene, 300.0)
        pass_ = asyncio.create_task(
            scene.reconciler.reconcile(list(scene.view.services.values()), scene.covering)
        )
        await asyncio.sleep(0)
        earlier = scene.clock()
        now = scene.clock.advance(1.0)
        await scene.reconciler.reconcile([scene.view.services["c"]], scene.covering)
        await pass_
        until = {key: m.recommendations[-1].until for key, m in scene.memories.items()}
        assert until == {"a": earlier, "b": earlier, "c": now}


@pytest.mark.usefixtures("_hasty")
async def test_a_service_that_will_be_scaled_is_left_alone_before_it_is() -> None:
    async with Scenario(*three(), policies=[POLICY], answer=constant(900.0)) as scene:
        await ready(scene, 900.0)
        services = list(scene.view.services.values())
        whole = asyncio.create_task(scene.reconciler.reconcile(services, scene.covering))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert list(scene.memories) == ["a"]
        woken = await scene.reconciler.reconcile(services[:1], scene.covering)
        assert woken == []
        assert [intent.action.service_id for intent in await whole] == ["a", "b", "c"]


@pytest.mark.usefixtures("_hasty")
async def test_a_service_that_vanishes_during_the_pass_is_not_decided_on() -> None:
    async with Scenario(*three(), policies=[POLICY], answer=constant(900.0)) as scene:
        await ready(scene, 900.0)
        services = list(scene.view.services.values())
        whole = asyncio.create_task(scene.reconciler.reconcile(services, scene.covering))
        await asyncio.sleep(0)
        scene.view.drop("c")
        assert [intent.action.service_id for intent in await whole] == ["a", "b"]


@pytest.mark.usefixtures("_hasty")
async def test_a_pass_that_is_ended_halfway_gives_back_what_it_has_taken_from_the_brake() -> None:
    limits = BrakeLimits(at_least=6, percent=1.0)
    async with Scenario(*three(), policies=[POLICY], limits=limits) as scene:
        await ready(scene, 100.0)
        services = list(scene.view.services.values())
        whole = asyncio.create_task(scene.reconciler.reconcile(services, scene.covering))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert list(scene.memories) == ["a"]
        whole.cancel()
        with pytest.raises(asyncio.CancelledError):
            await whole
        intents = await scene.reconciler.reconcile(services, scene.covering)
        assert [intent.action.service_id for intent in intents] == ["a", "b", "c"]


runs = st.builds(
    Run,
    replicas=st.integers(1, 2),
    since=st.sampled_from([0.0, 1.0]),
    until=st.sampled_from([1.0, 2.0]),
)
memories = st.builds(
    Memory,
    replicas=st.sampled_from([None, 1]),
    recommendations=st.lists(runs, max_size=2).map(tuple),
    scaled=st.sampled_from([(), (Scaled(at=0.0, change=1),)]),
    good=st.integers(0, 1),
)


@given(memories, memories)
def test_memories_differ_where_what_lasts_of_them_differs(one: Memory, other: Memory) -> None:
    assert differ(one, other) == (recall.durable(one) != recall.durable(other))
    assert not differ(one, replace(one))
