"""Services that carry their policy as labels, beside policies of files."""

from __future__ import annotations

from autoscaler.covering import Covering
from autoscaler.model import Service
from autoscaler.policy_files import PolicySet
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.scenario import Scenario, load
from autoscaler.testing.scripted_source import constant

BASE = {"enable": "true", "min": "1", "max": "9", "query": "load", "target": "100"}


def stated(**changes: str) -> dict[str, str]:
    return {
        f"autoscaler.{key.replace('__', '.')}": text for key, text in {**BASE, **changes}.items()
    }


async def by_labels(scene: Scenario, *files: dict[str, object]) -> None:
    """Let labels count, and the policies of these files."""
    policies = PolicySet(tuple(load(document) for document in files))
    scene.covering = Covering(lambda: policies, {})  # type: ignore[method-assign]
    await scene.restart()


def scene(*services: Service) -> Scenario:
    return Scenario(*services, answer=constant(700.0))


async def test_a_service_scales_by_nothing_but_its_labels() -> None:
    async with scene(a_service(2, labels=stated())) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        assert labelled.replicas() == 6
        await labelled.cycle()
        assert labelled.replicas() == 7
        assert (await labelled.last()).policy == "labels.web"


async def test_labels_that_appear_and_vanish_are_followed() -> None:
    async with scene(a_service(2)) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        assert labelled.replicas() == 2
        labelled.swarm.write("web-id", labels=stated())
        await labelled.cycle()
        assert labelled.replicas() == 6
        labelled.swarm.write("web-id", labels={})
        await labelled.cycle()
        assert labelled.replicas() == 6


async def test_labels_with_a_mistake_hold_their_service_and_are_told() -> None:
    wrong = a_service(2, labels=stated(max="many"))
    right = a_service(2, id="api-id", name="api", labels=stated())
    async with scene(wrong, right) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        decision = await labelled.last()
        assert (decision.held_by, labelled.replicas()) == ("labels", 2)
        assert "label autoscaler.max: expected a whole number, not 'many'" in decision.reason
        assert labelled.replicas("api-id") == 6


async def test_a_mistake_that_is_mended_holds_no_longer() -> None:
    async with scene(a_service(2, labels=stated(max="many"))) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        labelled.swarm.write("web-id", labels=stated())
        await labelled.cycle()
        assert labelled.replicas() == 6


async def test_a_mistake_made_later_leaves_the_service_as_it_is() -> None:
    async with scene(a_service(2, labels=stated())) as labelled:
        await by_labels(labelled)
        await labelled.cycles(2)
        labelled.swarm.write("web-id", labels=stated(min="20"))
        await labelled.cycle()
        assert labelled.replicas() == 7
        assert "min: 20 is above max: 9" in (await labelled.last()).reason


async def test_labels_on_the_container_are_pointed_out() -> None:
    async with scene(a_service(2, container_labels=stated())) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        decision = await labelled.last()
        assert (decision.held_by, labelled.replicas()) == ("labels", 2)
        assert "it belongs under deploy:" in decision.reason


async def test_a_policy_of_a_file_wins_and_says_so() -> None:
    async with scene(a_service(2, labels=stated())) as labelled:
        await by_labels(labelled, a_policy_document(max=3))
        await labelled.cycle()
        decision = await labelled.last()
        assert (decision.policy, labelled.replicas()) == ("web-policy", 3)
        assert "policy 'web-policy' of a file covers it" in decision.notes[0]


async def test_a_schedule_of_labels_opens_its_window() -> None:
    night = {"schedules__night__cron": "13 22 * * *", "schedules__night__duration": "1h"}
    labels = stated(**night, schedules__night__min="8")
    async with scene(a_service(2, labels=labels)) as labelled:
        await by_labels(labelled)
        await labelled.cycle()
        assert labelled.replicas() == 8
