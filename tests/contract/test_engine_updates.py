"""Rollouts and restarts go by the same policies in the engine model and in a real engine."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from autoscaler.testing.engine.bed import SwarmBed, eventually

Document = dict[str, Any]
SECOND = 10**9
NEVER_AGAIN = {"Condition": "none"}


async def running(bed: SwarmBed, name: str, replicas: int, **template: Any) -> str:
    """A service that runs, with more of its template and of its rollouts' config."""
    spec = bed.spec(name, replicas, placeable=True)
    spec["UpdateConfig"] = template.pop("update", {"Monitor": SECOND, "Parallelism": 1})
    spec["TaskTemplate"] |= template
    service_id = await bed.create_from(spec)
    await eventually(lambda: bed.runs(service_id, replicas))
    return service_id


async def change(bed: SwarmBed, service_id: str, changed: Callable[[Document], None]) -> Document:
    """Write what a person would; tells the spec before."""
    before: Document = {}

    async def written() -> bool:
        service = await bed.read(service_id)
        spec = copy.deepcopy(service["Spec"])
        before.update(service["Spec"])
        changed(spec)
        return (await bed.api.update(service, spec)).status == 200

    await eventually(written)
    return before


def to_a_bad_command(spec: Document) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Command"] = ["/missing"]


def says(bed: SwarmBed, service_id: str, state: str) -> Callable[[], Awaitable[bool]]:
    async def told() -> bool:
        return await bed.rollout(service_id) == state

    return told


async def by_command(bed: SwarmBed, service_id: str) -> list[str]:
    """The first words of the commands of the tasks that shall run, in the order of slots."""
    tasks = await bed.tasks(service_id, **{"desired-state": ["running"]})
    tasks.sort(key=lambda task: task["Slot"])
    return [task["Spec"]["ContainerSpec"]["Command"][0] for task in tasks]


async def test_a_rollout_that_goes_on_despite_failures_completes(bed: SwarmBed, name: str) -> None:
    config = {"Monitor": SECOND, "Parallelism": 1, "FailureAction": "continue"}
    service_id = await running(bed, name, 3, RestartPolicy=NEVER_AGAIN, update=config)
    await change(bed, service_id, to_a_bad_command)
    await eventually(says(bed, service_id, "completed"))
    tasks = await bed.tasks(service_id)
    ended = [task["Status"]["State"] for task in tasks]
    assert sorted(ended) == ["failed"] * 3 + ["shutdown"] * 3
    assert {task["DesiredState"] for task in tasks} == {"shutdown"}


async def test_so_many_failures_as_the_ratio_allows_do_not_pause_a_rollout(
    bed: SwarmBed, name: str
) -> None:
    config = {"Monitor": SECOND, "Parallelism": 1, "MaxFailureRatio": 1.0}
    service_id = await running(bed, name, 2, RestartPolicy=NEVER_AGAIN, update=config)
    await change(bed, service_id, to_a_bad_command)
    await eventually(says(bed, service_id, "completed"))
    assert (await bed.read(service_id))["UpdateStatus"]["Message"] == "update completed"


async def test_one_failure_more_than_the_ratio_allows_pauses_it(bed: SwarmBed, name: str) -> None:
    config = {"Monitor": 30 * SECOND, "Parallelism": 1, "MaxFailureRatio": 0.4}
    service_id = await running(bed, name, 4, RestartPolicy=NEVER_AGAIN, update=config)
    await change(bed, service_id, to_a_bad_command)
    await eventually(says(bed, service_id, "paused"))
    failed = [each["Status"]["State"] for each in await bed.tasks(service_id)].count("failed")
    assert failed >= 2


async def test_a_service_is_updating_until_its_last_task_was_watched_long_enough(
    bed: SwarmBed, name: str
) -> None:
    config = {"Monitor": 3600 * SECOND, "Parallelism": 0}
    service_id = await running(bed, name, 2, update=config)
    (one, two) = await bed.tasks(service_id)
    await bed.deploy(service_id, 2)

    async def replaced() -> bool:
        shall = await bed.tasks(service_id, **{"desired-state": ["running"]})
        ids = {task["ID"] for task in shall if task["Status"]["State"] == "running"}
        return len(ids - {one["ID"], two["ID"]}) == 2

    await eventually(replaced)
    status = (await bed.read(service_id))["UpdateStatus"]
    assert (status["State"], "CompletedAt" in status) == ("updating", False)


async def test_with_start_first_the_old_task_runs_until_the_new_one_does(
    bed: SwarmBed, name: str
) -> None:
    """A new task that never gets a node leaves the old one alone."""
    config = {"Monitor": SECOND, "Parallelism": 1, "Order": "start-first"}
    service_id = await running(bed, name, 2, update=config)

    def too_much(spec: Document) -> None:
        spec["TaskTemplate"]["Resources"] = {"Reservations": {"NanoCPUs": 512 * 10**9}}

    await change(bed, service_id, too_much)

    async def waits() -> bool:
        shall = await bed.tasks(service_id, **{"desired-state": ["running"]})
        states = sorted(task["Status"]["State"] for task in shall)
        return states == ["pending", "running", "running"]

    await eventually(waits)
    counted = (await bed.listed(service_id))["ServiceStatus"]
    assert (counted["RunningTasks"], counted["DesiredTasks"]) == (2, 2)


async def test_with_stop_first_a_task_is_stopped_before_the_new_one_has_a_node(
    bed: SwarmBed, name: str
) -> None:
    service_id = await running(bed, name, 2)

    def too_much(spec: Document) -> None:
        spec["TaskTemplate"]["Resources"] = {"Reservations": {"NanoCPUs": 512 * 10**9}}

    await change(bed, service_id, too_much)
    await eventually(lambda: bed.runs(service_id, 1))
    assert await bed.rollout(service_id) == "updating"


async def test_a_scale_during_a_rollout_starts_it_anew_and_it_goes_on(
    bed: SwarmBed, name: str
) -> None:
    config = {"Monitor": SECOND, "Parallelism": 1, "Delay": 2 * SECOND}
    service_id = await running(bed, name, 2, update=config)
    await bed.deploy(service_id, 2)
    await eventually(says(bed, service_id, "updating"))

    def scaled(spec: Document) -> None:
        spec["Mode"] = {"Replicated": {"Replicas": 3}}

    await change(bed, service_id, scaled)
    await eventually(says(bed, service_id, "completed"))
    tasks = await bed.tasks(service_id, **{"desired-state": ["running"]})
    assert len(tasks) == 3
    assert {task["Spec"]["ContainerSpec"]["Env"][0] for task in tasks} == {"RELEASE=2"}


async def test_an_update_while_updating_goes_to_the_newest_spec(bed: SwarmBed, name: str) -> None:
    config = {"Monitor": SECOND, "Parallelism": 1}
    service_id = await running(bed, name, 3, update=config)
    await bed.deploy(service_id, 2)
    await bed.deploy(service_id, 3)
    await eventually(says(bed, service_id, "completed"))
    tasks = await bed.tasks(service_id, **{"desired-state": ["running"]})
    assert {task["Spec"]["ContainerSpec"]["Env"][0] for task in tasks} == {"RELEASE=3"}
    previous = (await bed.read(service_id))["PreviousSpec"]
    assert previous["TaskTemplate"]["ContainerSpec"]["Env"] == ["RELEASE=2"]


async def test_constraints_that_a_tasks_node_meets_replace_nothing(
    bed: SwarmBed, name: str
) -> None:
    service_id = await running(bed, name, 1)
    (before,) = await bed.tasks(service_id)

    def constrain(spec: Document) -> None:
        spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.role==manager"]}

    await change(bed, service_id, constrain)
    await bed.scale(service_id, 2)
    await eventually(lambda: bed.runs(service_id, 2))
    shall = await bed.tasks(service_id, **{"desired-state": ["running"]})
    assert before["ID"] in {task["ID"] for task in shall}
    assert "UpdateStatus" not in await bed.read(service_id)


@pytest.mark.parametrize(
    ("condition", "command", "again"),
    [
        ("none", "false", False),
        ("on-failure", "true", False),
        ("on-failure", "false", True),
        ("any", "true", True),
    ],
)
async def test_a_task_that_ended_is_replaced_as_its_condition_says(
    bed: SwarmBed, name: str, condition: str, command: str, again: bool
) -> None:
    spec = bed.spec(name, 1, placeable=True)
    spec["TaskTemplate"]["ContainerSpec"]["Command"] = [command]
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": condition, "Delay": 3600 * SECOND}
    service_id = await bed.create_from(spec)
    end = "complete" if command == "true" else "failed"

    async def ended() -> bool:
        tasks = await bed.tasks(service_id)
        return [task["DesiredState"] for task in tasks if task["Status"]["State"] == end] == [
            "shutdown"
        ]

    await eventually(ended)
    others = [t for t in await bed.tasks(service_id) if t["Status"]["State"] != end]
    assert [task["DesiredState"] for task in others] == (["ready"] if again else [])
    counted = (await bed.listed(service_id))["ServiceStatus"]
    assert (counted["RunningTasks"], counted["DesiredTasks"]) == (0, 1)


def giving_up(bed: SwarmBed, name: str, **policy: Any) -> Document:
    spec = bed.spec(name, 1, placeable=True)
    spec["TaskTemplate"]["ContainerSpec"]["Command"] = ["false"]
    spec["TaskTemplate"]["RestartPolicy"] = {"MaxAttempts": 2, "Delay": 0, **policy}
    spec["UpdateConfig"] = {"Monitor": SECOND, "Parallelism": 0, "FailureAction": "continue"}
    return spec


async def attempts(bed: SwarmBed, service_id: str) -> int:
    """How often a slot was tried once it is given up; -1 before."""
    tasks = [task for task in await bed.tasks(service_id) if task["Slot"] == 1]
    over = {task["Status"]["State"] for task in tasks} == {"failed"}
    retired = all(task["DesiredState"] == "shutdown" for task in tasks)
    return len(tasks) if over and retired else -1


async def test_a_slot_is_given_up_after_its_attempts_and_a_scale_does_not_revive_it(
    bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create_from(giving_up(bed, name))

    async def given_up() -> bool:
        return await attempts(bed, service_id) == 3

    await eventually(given_up)
    await bed.scale(service_id, 2)

    async def second_too() -> bool:
        others = [task for task in await bed.tasks(service_id) if task["Slot"] == 2]
        retired = [task["DesiredState"] for task in others]
        return len(others) >= 2 and set(retired) == {"shutdown"}

    await eventually(second_too)
    assert await attempts(bed, service_id) == 3


async def test_within_a_window_attempts_are_counted_as_without_one(
    bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create_from(giving_up(bed, name, Window=3600 * SECOND))

    async def given_up() -> bool:
        return await attempts(bed, service_id) == 3

    await eventually(given_up)
