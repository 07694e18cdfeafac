"""A service whose labels change is looked at by what they say now."""

from __future__ import annotations

from autoscaler.covering import Covering
from autoscaler.model import Sample
from autoscaler.policy_files import PolicySet
from autoscaler.testing.builders import a_service, value
from autoscaler.testing.scenario import Scenario

LABELS = {"enable": "true", "min": "1", "max": "9", "target": "100"}


def labels(query: str, **stated: str) -> dict[str, str]:
    ours = {**LABELS, "query": query, **stated}
    return {f"autoscaler.{key}": text for key, text in ours.items()}


def by_query(query: str, service: str) -> Sample:
    """`small` asks for three replicas, everything else for nine."""
    return value(300.0 if query == "small" else 900.0)


async def labelled(scene: Scenario) -> None:
    scene.covering = Covering(PolicySet, {})  # type: ignore[method-assign]
    await scene.restart()


async def test_answers_to_what_labels_asked_before_are_not_used() -> None:
    async with Scenario(a_service(3, labels=labels("large", max="3")), answer=by_query) as scene:
        await labelled(scene)
        await scene.cycle()
        changed = scene.swarm.write("web-id", labels=labels("small"))
        scene.view.refresh(changed, None, scene.clock())
        assert await scene.reconciler.reconcile([changed], scene.covering) == []
        decision = await scene.last()
        assert decision.held_by == "missing_data"
        assert "not asked yet" in decision.reason


async def test_what_changed_labels_ask_is_asked_by_the_wake_up() -> None:
    async with Scenario(a_service(3, labels=labels("large", max="3")), answer=by_query) as scene:
        await labelled(scene)
        await scene.cycle()
        scene.swarm.write("web-id", labels=labels("small"))
        await scene.controller.refresh("web-id")
        decision = await scene.last()
        assert decision.held_by is None
        assert decision.wanted == 3


async def test_other_changes_of_a_service_ask_nothing_anew() -> None:
    async with Scenario(a_service(3, labels=labels("small")), answer=by_query) as scene:
        await labelled(scene)
        await scene.cycle()
        before = scene.view.samples["web-id"]
        scene.swarm.write("web-id", image="other")
        await scene.controller.refresh("web-id")
        assert scene.view.samples["web-id"] is before
