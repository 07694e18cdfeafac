"""A change that we made ourselves is never taken for a person's."""

from __future__ import annotations

from autoscaler.model import Outcome
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

POLICY = a_policy_document(min=1, max=20, behavior=at_once())


async def test_an_act_that_ends_while_sources_are_asked_is_not_a_manual_change() -> None:
    """The cycle lists its services, waits for the sources, and meanwhile the act is done."""
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        await scene.cycle()
        listed = list(scene.view.services.values())
        scene.source.answer = constant(600.0)
        await scene.cycle()
        assert scene.replicas() == 6
        await scene.reconciler.reconcile(listed, scene.covering)
        assert scene.memories["web-id"].disturbed_at is None
        assert (await scene.last()).held_by is None


async def test_an_act_that_is_settled_by_reading_is_not_a_manual_change() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        listed = list((await scene.swarm.snapshot()).services.values())
        scene.swarm.lose_answers = True
        await scene.cycle()
        scene.swarm.lose_answers = False
        await scene.reconciler.reconcile(listed, scene.covering)
        assert (await scene.store.history())[-1][1] is Outcome.DONE
        assert scene.memories["web-id"].disturbed_at is None
