"""The contract of the Orchestrator port.

class TestMyOrchestrator(OrchestratorContract):
    @pytest.fixture
    async def bed(self) -> AsyncIterator[Bed]:
        async with my_cluster() as cluster:
            yield MyBed(cluster)

A bed is a cluster that the contract may fill with services of its own, which need never run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

import pytest

from autoscaler.errors import AutoscalerError, Conflict, Gone, Permanent
from autoscaler.model import Act, Action, Event, Mode, Service, Task
from autoscaler.ports import Orchestrator

PATIENCE = 60.0
"""Seconds that a cluster may take to do what it was told, and to tell of it."""

numbers = itertools.count(1)
"""For names that no other test uses."""


class Bed(Protocol):
    """A cluster, and what others than the orchestrator do to it."""

    def orchestrator(self) -> Orchestrator:
        """A new adapter; the contract closes it."""
        ...

    async def create(
        self, name: str, replicas: int, *, mode: Mode = Mode.REPLICATED, placeable: bool = False
    ) -> str:
        """A service, and its id. Its tasks find no node unless they shall be placeable."""
        ...

    async def scale(self, service_id: str, replicas: int) -> None:
        """A person's change of the replica count."""
        ...

    async def deploy(self, service_id: str, release: int) -> None:
        """Another release of the service."""
        ...

    async def unsettle(self, service_id: str) -> None:
        """Begin a rollout that does not end by itself."""
        ...

    async def remove(self, service_id: str) -> None:
        """Remove a service."""
        ...


def scaling(service: Service, replicas: int) -> Action:
    """The action that takes a service as it was observed to a replica count."""
    return Action(
        kind=Act.SCALE,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=replicas,
        previous=service.replicas or 0,
    )


@pytest.mark.asyncio
class OrchestratorContract:
    """What is read is what is there; what is written is what was meant, or nothing."""

    @pytest.fixture
    async def orchestrator(self, bed: Bed) -> AsyncIterator[Orchestrator]:
        """The adapter under test."""
        adapter = bed.orchestrator()
        yield adapter
        await adapter.close()

    @pytest.fixture
    def name(self) -> str:
        """A service's name that no other test uses."""
        return f"contract{next(numbers)}"

    async def test_a_snapshot_shows_services_tasks_and_nodes(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        fleet = await orchestrator.snapshot()
        found = fleet.services[service_id]
        assert (found.name, found.mode, found.replicas) == (name, Mode.REPLICATED, 2)
        assert found.version > 0
        assert found.image
        assert found.template
        assert fleet.nodes
        assert all(node.hostname for node in fleet.nodes.values())

    async def test_tasks_without_a_node_are_wanted_and_not_healthy(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        _, tasks = await eventually(
            orchestrator, service_id, lambda _, tasks: all(task.error for task in tasks)
        )
        assert len(tasks) == 2
        assert all(task.wanted and not task.healthy for task in tasks)
        assert (await orchestrator.snapshot()).tasks[service_id]

    async def test_running_tasks_are_healthy_and_counted(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2, placeable=True)
        service, tasks = await eventually(
            orchestrator,
            service_id,
            # The service is read a moment before its tasks.
            lambda service, tasks: service.running == sum(task.healthy for task in tasks) == 2,
        )
        assert service.running == 2
        assert {task.slot for task in tasks} == {1, 2}
        assert all(task.container_id and task.node_id for task in tasks)

    async def test_a_scale_changes_the_replicas_and_answers_the_service_after_it(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        before, _ = await orchestrator.inspect(service_id)
        after = await orchestrator.apply(scaling(before, 3))
        assert (after.replicas, after.id, after.name) == (3, service_id, name)
        assert after.version > before.version
        assert after.template == before.template
        assert (await orchestrator.inspect(service_id))[0].replicas == 3

    async def test_a_service_can_be_scaled_to_zero_and_back(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        service, _ = await orchestrator.inspect(service_id)
        service = await orchestrator.apply(scaling(service, 0))
        assert service.replicas == 0
        assert (await orchestrator.apply(scaling(service, 1))).replicas == 1

    async def test_at_the_target_nothing_is_written(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        before, _ = await orchestrator.inspect(service_id)
        assert (await orchestrator.apply(scaling(before, 2))).version == before.version

    async def test_somebody_elses_write_is_a_conflict_and_stands(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        await bed.scale(service_id, 4)
        with pytest.raises(Conflict):
            await orchestrator.apply(scaling(seen, 2))
        assert (await orchestrator.inspect(service_id))[0].replicas == 4

    async def test_of_writers_from_one_version_one_wins(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        writes = [orchestrator.apply(scaling(seen, 2 + count)) for count in range(8)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        won = [each for each in results if isinstance(each, Service)]
        assert len(won) == 1
        assert sum(isinstance(each, Conflict) for each in results) == 7
        assert (await orchestrator.inspect(service_id))[0].replicas == won[0].replicas

    async def test_less_than_nothing_is_refused(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        before, _ = await orchestrator.inspect(service_id)
        with pytest.raises(Permanent):
            await orchestrator.apply(scaling(before, -1))
        assert (await orchestrator.inspect(service_id))[0].version == before.version

    @pytest.mark.parametrize("mode", [Mode.GLOBAL, Mode.REPLICATED_JOB, Mode.GLOBAL_JOB])
    async def test_what_counts_no_replicas_is_never_written_to(
        self, bed: Bed, orchestrator: Orchestrator, name: str, mode: Mode
    ) -> None:
        service_id = await bed.create(name, 1, mode=mode)
        before, _ = await orchestrator.inspect(service_id)
        assert (before.mode, before.replicas) == (mode, None)
        with pytest.raises(Permanent):
            await orchestrator.apply(scaling(before, 2))
        assert (await orchestrator.inspect(service_id))[0].version == before.version

    async def test_during_a_rollout_nothing_is_written(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        await bed.unsettle(service_id)
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: not service.rollout.settled
        )
        with pytest.raises(Conflict):
            await orchestrator.apply(scaling(seen, 3))
        after, _ = await orchestrator.inspect(service_id)
        assert (after.replicas, after.rollout) == (2, seen.rollout)

    async def test_a_service_that_is_gone_is_told_as_such(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        await bed.remove(service_id)
        for call in (orchestrator.inspect(service_id), orchestrator.apply(scaling(seen, 2))):
            with pytest.raises(Gone):
                await call
        assert service_id not in (await orchestrator.snapshot()).services

    async def test_neither_a_name_nor_the_beginning_of_an_id_is_an_id(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        for wrong in (name, service_id[:-1]):
            with pytest.raises(Gone):
                await orchestrator.inspect(wrong)
        assert (await orchestrator.inspect(service_id))[0] == seen

    async def test_a_service_whose_name_begins_alike_is_another_one(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        web, admin = await bed.create(name, 1), await bed.create(f"{name}-admin", 1)
        seen, _ = await orchestrator.inspect(web)
        await orchestrator.apply(scaling(seen, 3))
        services = (await orchestrator.snapshot()).services
        assert (services[web].replicas, services[admin].replicas) == (3, 1)

    async def test_events_begin_with_a_resync_and_tell_of_every_write(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        async with _events(orchestrator) as events:
            first = await anext(events)
            assert (first.service_id, first.action) == (None, "resync")
            await bed.scale(service_id, 2)
            await _until(events, service_id, "update")
            seen, _ = await orchestrator.inspect(service_id)
            await orchestrator.apply(scaling(seen, 3))
            await _until(events, service_id, "update")
            await bed.remove(service_id)
            await _until(events, service_id, "remove")

    async def test_closing_twice_is_closing_once(self, bed: Bed) -> None:
        adapter = bed.orchestrator()
        await adapter.snapshot()
        await adapter.close()
        await adapter.close()


async def eventually(
    orchestrator: Orchestrator,
    service_id: str,
    holds: Callable[[Service, tuple[Task, ...]], bool],
) -> tuple[Service, tuple[Task, ...]]:
    """A service and its tasks, once something holds for them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            service, tasks = await orchestrator.inspect(service_id)
            if tasks and holds(service, tasks):
                return service, tasks
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _events(orchestrator: Orchestrator) -> AsyncIterator[AsyncIterator[Event]]:
    events: Any = orchestrator.events()
    async with aclosing(events):
        yield events


async def _until(events: AsyncIterator[Event], service_id: str, action: str) -> Event:
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            if (event.service_id, event.kind, event.action) == (service_id, "service", action):
                return event
    raise AutoscalerError("events ended")
