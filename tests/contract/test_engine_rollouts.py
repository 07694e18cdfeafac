"""Tasks and rollouts go the same way in the engine model and in a real engine."""

import copy
import itertools
from typing import Any

from autoscaler.model import Mode
from autoscaler.testing.engine.bed import SwarmBed, eventually

_subnets = itertools.count()


async def test_a_task_list_is_refused_whole_when_one_of_its_services_is_gone(
    bed: SwarmBed, name: str
) -> None:
    there, unknown = await bed.create(name, 1), "0" * 25
    reply = await bed.api.ask("GET", "/tasks", filters={"service": [there, unknown]})
    assert (reply.status, reply.message) == (404, f"service {unknown} not found")


async def test_any_write_overwrites_the_previous_spec(bed: SwarmBed, name: str) -> None:
    service = await bed.read(await bed.create(name, 1))
    assert "PreviousSpec" not in service
    first = service["Spec"]
    await bed.scale(service["ID"], 3)
    scaled = await bed.read(service["ID"])
    assert scaled["PreviousSpec"] == first
    await bed.api.update(scaled, scaled["Spec"])
    assert (await bed.read(service["ID"]))["PreviousSpec"] == scaled["Spec"]


async def test_a_rollback_swaps_the_specs(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1)
    await bed.scale(service_id, 3)
    scaled = await bed.read(service_id)
    reply = await bed.api.update(scaled, scaled["Spec"], rollback="previous")
    assert reply.status == 200
    back = await bed.read(service_id)
    assert back["Spec"]["Mode"]["Replicated"]["Replicas"] == 1
    assert back["PreviousSpec"]["Mode"]["Replicated"]["Replicas"] == 3
    assert back["UpdateStatus"]["State"].startswith("rollback_")


async def test_a_scale_clears_the_update_status_and_moves_the_version(
    bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create(name, 1)
    before = await bed.read(service_id)
    assert "UpdateStatus" not in before
    await bed.scale(service_id, 2)
    after = await bed.read(service_id)
    assert "UpdateStatus" not in after
    assert after["Version"]["Index"] > before["Version"]["Index"]


async def test_a_rollout_moves_the_version_without_a_writer(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1, placeable=True)
    await eventually(lambda: bed.runs(service_id, 1))
    await bed.unsettle(service_id)
    written = await bed.read(service_id)

    async def done() -> bool:
        return await bed.rollout(service_id) == "completed"

    await eventually(done)
    after = await bed.read(service_id)
    assert after["UpdateStatus"]["Message"] == "update completed"
    assert after["Spec"] == written["Spec"]


async def test_a_rollout_without_a_node_stays_under_way(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 2)
    await bed.unsettle(service_id)

    async def begun() -> bool:
        return "UpdateStatus" in await bed.read(service_id)

    await eventually(begun)
    status = (await bed.read(service_id))["UpdateStatus"]
    assert (status["State"], status["Message"]) == ("updating", "update in progress")


async def test_a_bad_release_pauses_its_rollout_and_a_scale_resumes_it(
    bed: SwarmBed, name: str
) -> None:
    spec = bed.spec(name, 4, placeable=True)
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    service_id = await bed.create_from(spec)
    await eventually(lambda: bed.runs(service_id, 4))
    service = await bed.read(service_id)
    bad = copy.deepcopy(service["Spec"])
    bad["TaskTemplate"]["ContainerSpec"]["Command"] = ["/missing"]
    assert (await bed.api.update(service, bad)).status == 200

    async def paused() -> bool:
        return await bed.rollout(service_id) == "paused"

    await eventually(paused)
    status = (await bed.read(service_id))["UpdateStatus"]
    assert "update paused due to failure or early termination of task" in status["Message"]

    async def good() -> int:
        states = [task["Status"]["State"] for task in await shall_run(bed, service_id)]
        return states.count("running")

    # How many a real engine replaces before it sees the first one fail differs.
    left = await good()
    assert 0 < left < 4
    await bed.scale(service_id, 5)

    async def fewer() -> bool:
        return await good() < left

    await eventually(fewer)


async def shall_run(bed: SwarmBed, service_id: str) -> list[dict[str, Any]]:
    return await bed.tasks(service_id, **{"desired-state": ["running"]})


async def test_any_update_runs_a_job_again(bed: SwarmBed, name: str) -> None:
    service = await bed.read(await bed.create(name, 1, mode=Mode.REPLICATED_JOB))
    assert service["JobStatus"]["JobIteration"] == {}
    assert (await bed.api.update(service, service["Spec"])).status == 200
    after = await bed.read(service["ID"])
    assert after["JobStatus"]["JobIteration"] == {"Index": 1}


async def test_status_counts_what_runs_and_what_shall(bed: SwarmBed, name: str) -> None:
    nowhere, somewhere = await bed.create(name, 2), await bed.create(f"{name}-b", 2, placeable=True)
    await eventually(lambda: bed.runs(somewhere, 2))
    counts = {"RunningTasks": 2, "DesiredTasks": 2, "CompletedTasks": 0}
    assert (await bed.listed(somewhere))["ServiceStatus"] == counts
    assert (await bed.listed(nowhere))["ServiceStatus"] == {**counts, "RunningTasks": 0}
    assert "ServiceStatus" not in await bed.read(somewhere)


async def test_a_task_without_a_node_says_why(bed: SwarmBed, name: str) -> None:
    nowhere = await bed.create(name, 1)
    greedy = bed.spec(f"{name}-greedy", 1, placeable=True)
    greedy["TaskTemplate"]["Resources"] = {"Reservations": {"NanoCPUs": 512 * 10**9}}
    too_much = await bed.create_from(greedy)
    for service_id, why in (
        (nowhere, "no suitable node (scheduling constraints not satisfied on 1 node)"),
        (too_much, "no suitable node (insufficient resources on 1 node)"),
    ):

        async def pending(service_id: str = service_id, why: str = why) -> bool:
            tasks = await bed.tasks(service_id)
            return [task["Status"].get("Err") for task in tasks] == [why]

        await eventually(pending)
        (task,) = await bed.tasks(service_id)
        assert (task["Status"]["State"], task["DesiredState"]) == ("pending", "running")
        assert "NodeID" not in task


async def test_tasks_are_listed_by_the_beginning_of_their_id(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 5)

    async def made() -> bool:
        return len(await bed.tasks(service_id)) == 5

    await eventually(made)
    everything = {task["ID"] for task in await bed.tasks(service_id)}
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    halves = [await bed.tasks(service_id, id=list(digits[half::2])) for half in (0, 1)]
    assert sorted(task["ID"] for half in halves for task in half) == sorted(everything)


async def test_a_replaced_task_stays_as_history(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1, placeable=True)
    await eventually(lambda: bed.runs(service_id, 1))
    (old,) = await bed.tasks(service_id)
    await bed.unsettle(service_id)

    async def replaced() -> bool:
        shall = await shall_run(bed, service_id)
        return [task["Status"]["State"] for task in shall if task["ID"] != old["ID"]] == ["running"]

    await eventually(replaced)
    history = {task["ID"]: task for task in await bed.tasks(service_id)}
    assert len(history) == 2
    assert history[old["ID"]]["DesiredState"] == "shutdown"
    assert {task["Slot"] for task in history.values()} == {1}


async def test_a_scale_down_deletes_its_tasks(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 3, placeable=True)
    await eventually(lambda: bed.runs(service_id, 3))
    await bed.scale(service_id, 1)

    async def deleted() -> bool:
        return [task["Slot"] for task in await bed.tasks(service_id)] == [1]

    await eventually(deleted)


async def test_a_task_without_an_address_stays_new_without_a_word(bed: SwarmBed, name: str) -> None:
    # Another try must not meet the network of this one, which the engine may still hold.
    network_id = await bed.create_network(name, f"10.77.{next(_subnets)}.0/29")
    spec = bed.spec(name, 1, placeable=True)
    spec["TaskTemplate"]["Networks"] = [{"Target": network_id}]
    spec["EndpointSpec"] = {"Mode": "dnsrr"}
    service_id = await bed.create_from(spec)
    # The node must have its address first: once the tasks have all, none of them can start.
    await eventually(lambda: bed.runs(service_id, 1))
    await bed.scale(service_id, 8)
    # Of 8 addresses three are never given out, and one is the node's.
    await eventually(lambda: bed.runs(service_id, 4))
    tasks = [task["Status"] for task in await bed.tasks(service_id)]
    waiting = [status for status in tasks if status["State"] != "running"]
    assert [status["State"] for status in waiting] == ["new"] * 4
    assert not any("Err" in status for status in waiting)
    assert (await bed.snapshot()).networks[network_id].addresses == 4


async def released(bed: SwarmBed, name: str, replicas: int) -> dict[str, Any]:
    """A service that rolls back by itself, whose update to a bad command has just been posted."""
    spec = bed.spec(name, replicas, placeable=True)
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    quickly = {"FailureAction": "rollback", "Monitor": 10**9, "Parallelism": 1}
    spec["UpdateConfig"] = quickly
    service_id = await bed.create_from(spec)
    await eventually(lambda: bed.runs(service_id, replicas))
    service = await bed.read(service_id)
    bad = copy.deepcopy(service["Spec"])
    bad["TaskTemplate"]["ContainerSpec"]["Command"] = ["/missing"]
    assert (await bed.api.update(service, bad)).status == 200
    return service


async def test_swarm_rolls_a_bad_release_back_itself_and_forgets_the_previous_spec(
    bed: SwarmBed, name: str
) -> None:
    before = await released(bed, name, 2)

    async def back() -> bool:
        return await bed.rollout(before["ID"]) == "rollback_completed"

    await eventually(back)
    after = await bed.read(before["ID"])
    assert after["Spec"] == before["Spec"]
    assert "PreviousSpec" not in after


async def test_a_rollback_by_hand_after_one_of_ours_brings_the_bad_release_again(
    bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create(name, 1)
    good = (await bed.read(service_id))["Spec"]["TaskTemplate"]
    await bed.deploy(service_id, 2)
    bad = (await bed.read(service_id))["Spec"]["TaskTemplate"]

    async def written() -> bool:
        service = await bed.read(service_id)
        spec = {**service["Spec"], "TaskTemplate": good}
        return (await bed.api.update(service, spec)).status == 200

    await eventually(written)

    async def rolled_back() -> bool:
        service = await bed.read(service_id)
        reply = await bed.api.update(service, service["Spec"], rollback="previous")
        return reply.status == 200

    await eventually(rolled_back)
    after = await bed.read(service_id)
    assert after["Spec"]["TaskTemplate"] == bad
    assert after["PreviousSpec"]["TaskTemplate"] == good
