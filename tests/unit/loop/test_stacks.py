"""A stack is deployed anew, beside a person who scales one of its services by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from autoscaler.model import STACK_LABEL, Rollout
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

STACK = {STACK_LABEL: "shop"}


def services() -> list[Any]:
    return [
        a_service(2, id=f"{name}-id", name=name, labels=STACK, template=f"{name}:1")
        for name in ("web", "api")
    ]


def scene(**scale: Any) -> Scenario:
    """A stack of two services, each of which needs 8 replicas; its file says 2."""
    policy = a_policy_document(behavior=at_once(), policy={"services": ["web", "api"]}, **scale)
    return Scenario(*services(), policies=[policy], answer=constant(800.0))


def deploy(stack: Scenario, *names: str, **changes: Any) -> None:
    """As `docker stack deploy` writes services: one after the other, each with 2 replicas."""
    for number, name in enumerate(names):
        at = stack.clock() + number * 0.2
        stack.swarm.write(f"{name}-id", replicas=2, updated_at=at, **changes)


def sizes(stack: Scenario) -> tuple[int | None, int | None]:
    return stack.replicas("web-id"), stack.replicas("api-id")


async def test_a_deploy_that_resets_a_stack_is_put_right_without_a_metric() -> None:
    async with scene() as stack:
        await stack.cycle()
        assert sizes(stack) == (8, 8)
        deploy(stack, "web", "api")
        stack.source.answer = constant(0.0)
        await stack.cycle(seconds=1)
        assert sizes(stack) == (8, 8)
        assert (await stack.last("api")).reason.startswith("a deploy reset 8 to 2")


async def test_a_pass_in_the_middle_of_a_deploy_waits_for_its_end() -> None:
    async with scene() as stack:
        await stack.cycle()
        deploy(stack, "web")
        await stack.controller.refresh("web-id")
        assert stack.replicas("web-id") == 2
        assert (await stack.last()).held_by == "unclear_change"
        deploy(stack, "api")
        await stack.cycle(seconds=1)
        assert sizes(stack) == (8, 8)


async def test_one_that_was_put_right_at_once_does_not_hide_the_deploy_from_the_others() -> None:
    """Each write of a deploy wakes its service, and the last one shows what it was."""
    async with scene() as stack:
        await stack.cycle()
        deploy(stack, "web")
        await stack.controller.refresh("web-id")
        deploy(stack, "api")
        async with asyncio.TaskGroup() as group:
            stack.controller.use(group)
            await stack.controller.refresh("api-id")
        assert sizes(stack) == (2, 8)
        await stack.cycle(seconds=6)
        assert sizes(stack) == (8, 8)
        assert stack.memories["web-id"].disturbed_at is None


async def test_a_release_of_one_service_puts_right_both() -> None:
    async with scene() as stack:
        await stack.cycle()
        deploy(stack, "web")
        stack.swarm.write(
            "api-id",
            replicas=2,
            updated_at=stack.clock() + 0.2,
            template="api:2",
            rollout=Rollout.UPDATING,
        )
        await stack.cycle(seconds=1)
        assert sizes(stack) == (8, 2)
        assert (await stack.last("api")).held_by == "rollout"
        stack.swarm.write("api-id", rollout=Rollout.COMPLETED)
        await stack.cycle(seconds=30)
        assert sizes(stack) == (8, 8)


async def test_a_person_who_scales_one_of_them_is_not_fought() -> None:
    async with scene() as stack:
        await stack.cycle()
        deploy(stack, "web")
        await stack.cycle(seconds=1)
        assert (await stack.last()).held_by == "unclear_change"
        await stack.cycle(seconds=6)
        assert sizes(stack) == (2, 8)
        assert (await stack.last()).held_by == "manual_change"
        await stack.cycle(seconds=300)
        assert sizes(stack) == (8, 8)


async def test_a_deploy_between_two_lives_of_the_process_is_put_right_too() -> None:
    async with scene() as stack:
        await stack.cycle()
        deploy(stack, "web", "api")
        stack.clock.advance(3600)
        await stack.restart()
        await stack.cycle()
        assert sizes(stack) == (8, 8)
        assert stack.memories["web-id"].disturbed_at is None


async def test_a_policy_may_take_the_files_number() -> None:
    async with scene(on_redeploy="accept") as stack:
        await stack.cycle()
        deploy(stack, "web", "api")
        stack.source.answer = constant(200.0)
        await stack.cycle(seconds=1)
        assert sizes(stack) == (2, 2)
        assert (await stack.last()).held_by is None
