"""A scale on a real engine: every task lives on, and the spec differs in one field."""

import asyncio
import copy
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.errors import Conflict
from autoscaler.model import Task
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed, eventually
from autoscaler.testing.real.dockerd import PrivateSwarm

from .rich_services import STACK, create, deploy_stack

Document = dict[str, Any]

HOUR = 3600 * 10**9

_numbers = itertools.count(1)


@pytest.fixture
async def bed(swarm: PrivateSwarm, busybox_image: str) -> AsyncIterator[SwarmBed]:
    async with EngineApi(swarm.host) as api:
        bed = SwarmBed(swarm.host, api, busybox_image)
        yield bed
        await bed.clear()


@pytest.fixture
async def orchestrator(swarm: PrivateSwarm) -> AsyncIterator[SwarmOrchestrator]:
    adapter = SwarmOrchestrator(SwarmSettings(host=swarm.host))
    yield adapter
    await adapter.close()


@pytest.fixture
def name(swarm: PrivateSwarm) -> Iterator[str]:
    """A name; services, stacks, secrets, configs and volumes of it are removed afterwards."""
    name = f"keeps{next(_numbers)}"
    for kind in ("secret", "config"):
        swarm.docker(kind, "create", name, "-", stdin=b"content")
    swarm.docker("network", "create", "--driver=overlay", name)
    yield name
    swarm.docker("stack", "rm", STACK)
    if name in swarm.docker("service", "ls", "--format={{.Name}}").split():
        swarm.docker("service", "rm", name)
    for kind in ("secret", "config"):
        swarm.docker(kind, "rm", name)


async def healthy(orchestrator: SwarmOrchestrator, service_id: str, count: int) -> frozenset[str]:
    """Ids of the healthy tasks, once there are so many and no others."""
    found: frozenset[str] = frozenset()

    async def all_there() -> bool:
        nonlocal found
        _, tasks = await orchestrator.inspect(service_id)
        found = frozenset(task.id for task in tasks if task.healthy)
        return len(found) == count == sum(not _ended(task) for task in tasks)

    await eventually(all_there)
    return found


def _ended(task: Task) -> bool:
    return task.state.ended


async def scale(orchestrator: SwarmOrchestrator, service_id: str, replicas: int) -> None:
    service, _ = await orchestrator.inspect(service_id)
    await orchestrator.apply(scaling(service, replicas))


@pytest.mark.parametrize("how", ["api", "cli", "stack"])
async def test_a_scale_keeps_every_task_and_changes_one_field(
    how: str,
    swarm: PrivateSwarm,
    busybox_image: str,
    bed: SwarmBed,
    orchestrator: SwarmOrchestrator,
    name: str,
    tmp_path: Path,
) -> None:
    service_id = await create(how, bed, swarm, busybox_image, name, tmp_path)
    first = await healthy(orchestrator, service_id, 2)
    before = await bed.read(service_id)
    await scale(orchestrator, service_id, 4)
    more = await healthy(orchestrator, service_id, 4)
    after = await bed.read(service_id)
    assert first < more
    assert after["PreviousSpec"] == before["Spec"]
    assert after["Spec"] == {**before["Spec"], "Mode": {"Replicated": {"Replicas": 4}}}
    await scale(orchestrator, service_id, 1)
    assert await healthy(orchestrator, service_id, 1) < more


async def test_a_stack_that_is_deployed_again_keeps_the_tasks_after_a_scale(
    swarm: PrivateSwarm,
    busybox_image: str,
    bed: SwarmBed,
    orchestrator: SwarmOrchestrator,
    name: str,
    tmp_path: Path,
) -> None:
    service_id = await create("stack", bed, swarm, busybox_image, name, tmp_path)
    first = await healthy(orchestrator, service_id, 2)
    await scale(orchestrator, service_id, 3)
    more = await healthy(orchestrator, service_id, 3)
    await deploy_stack(swarm, tmp_path)
    rest = await healthy(orchestrator, service_id, 2)
    assert rest < more
    assert len(rest & first) >= 1


async def test_of_fifty_writers_at_once_no_update_is_lost(
    swarm: PrivateSwarm, bed: SwarmBed, name: str
) -> None:
    service_id = await bed.create(f"{name}-writers", 1)
    conflicts = await asyncio.gather(*(add_one(swarm, service_id) for _ in range(50)))
    assert (await bed.read(service_id))["Spec"]["Mode"]["Replicated"]["Replicas"] == 51
    assert sum(conflicts) > 0


async def add_one(swarm: PrivateSwarm, service_id: str) -> int:
    """A writer of its own: observe, decide, act, and on a conflict observe again."""
    orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))
    try:
        for conflicts in itertools.count():
            try:
                service, _ = await orchestrator.inspect(service_id)
                assert service.replicas is not None
                await orchestrator.apply(scaling(service, service.replicas + 1))
            except Conflict:
                await asyncio.sleep(random.uniform(0, 0.1))
            else:
                return conflicts
    finally:
        await orchestrator.close()
    raise AssertionError("counting ended")


def with_rollouts(spec: Document, on_failure: str, delay: int) -> Document:
    """Two tasks at a time, with so many nanoseconds in between.

    A failure counts if the task began to run no longer ago than is monitored when the manager
    gets round to it, which on a busy machine may be many seconds later. Success is not waited for.
    """
    config = {"Parallelism": 2, "Delay": delay, "Monitor": 120 * 10**9}
    policy = {"RestartPolicy": {"Condition": "none"}}
    return {
        **spec,
        "TaskTemplate": {**spec["TaskTemplate"], **policy},
        "UpdateConfig": {**config, "FailureAction": on_failure},
        "RollbackConfig": {**config, "Parallelism": 1},
    }


async def reaches(bed: SwarmBed, service_id: str, state: str) -> None:
    seen: dict[str, None] = {}

    async def there() -> bool:
        now = await bed.rollout(service_id)
        seen[now] = None
        return now == state

    try:
        await eventually(there)
    except TimeoutError:
        tasks = "\n".join([_told(task) for task in await bed.tasks(service_id)])
        pytest.fail(f"not {state}, but {' → '.join(seen)}:\n{tasks}", pytrace=False)


def _told(task: Document) -> str:
    status = task["Status"]
    words = (task["CreatedAt"], task["Slot"], task["DesiredState"], status["State"])
    return " ".join(map(str, (*words, status["Timestamp"], status.get("Err", ""))))


def with_command(spec: Document, *command: str) -> Document:
    changed = copy.deepcopy(spec)
    container = changed["TaskTemplate"]["ContainerSpec"]
    container["Command"] = list(command)
    container["Mounts"] = [{"Type": "volume", "Source": spec["Name"], "Target": "/shared"}]
    return changed


GOOD, GOOD_TOO, BAD = ("sleep", "100000"), ("sleep", "100001"), ("/missing",)
# The second release fails in the slot that spoils the first release, and lives on in the others:
# their rollback fails then. A slot whose task has ended when the rollback begins has no part in
# it. Swarm fills it beside the rollback, which does not mind how that ends.
GOOD_ONCE = ("sh", "-c", "test -e /shared/spoilt || exec sleep 100000; sleep 1; exit 1")
SPOILER = ("sh", "-c", "mkdir /shared/spoilt && sleep 3 && exit 1; exec sleep 100000")


@pytest.mark.parametrize(
    ("first", "then", "on_failure", "delay", "state"),
    [
        (GOOD, GOOD_TOO, "pause", HOUR, "updating"),
        (GOOD, BAD, "pause", HOUR, "paused"),
        (GOOD, GOOD_TOO, "pause", HOUR, "rollback_started"),
        (GOOD_ONCE, SPOILER, "rollback", 0, "rollback_paused"),
    ],
)
async def test_no_write_during_a_rollout(
    bed: SwarmBed,
    orchestrator: SwarmOrchestrator,
    name: str,
    first: tuple[str, ...],
    then: tuple[str, ...],
    on_failure: str,
    delay: int,
    state: str,
) -> None:
    spec = with_rollouts(bed.spec(name, 4, placeable=True), on_failure, delay)
    service_id = await bed.create_from(with_command(spec, *first))
    await healthy(orchestrator, service_id, 4)
    service = await bed.read(service_id)
    assert (await bed.api.update(service, with_command(service["Spec"], *then))).status == 200

    if state == "rollback_started":
        await reaches(bed, service_id, "updating")
        await healthy(orchestrator, service_id, 4)
        halfway = await bed.read(service_id)
        await bed.api.update(halfway, halfway["Spec"], rollback="previous")
    await reaches(bed, service_id, state)
    seen, _ = await orchestrator.inspect(service_id)
    assert seen.rollout == state
    with pytest.raises(Conflict):
        await orchestrator.apply(scaling(seen, 6))
    after = await bed.read(service_id)
    assert after["Version"]["Index"] == seen.version
    assert after["Spec"]["Mode"]["Replicated"]["Replicas"] == 4
    assert after["UpdateStatus"]["State"] == state
