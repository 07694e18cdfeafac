"""The contract of the Orchestrator port for restarts.

class TestMyOrchestrator(RestartContract):
    @pytest.fixture
    async def bed(self) -> AsyncIterator[Bed]:
        async with my_cluster() as cluster:
            yield MyBed(cluster)
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from autoscaler.errors import Conflict, Permanent
from autoscaler.model import Act, Action, Mode, Service
from autoscaler.ports import Orchestrator
from autoscaler.testing.contracts.orchestrator import Bed, eventually, numbers


def restarting(service: Service, act: Act = Act.RESTART) -> Action:
    """The action that restarts a service as it was observed, whatever for."""
    replicas = service.replicas or 0
    return Action(
        kind=act,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=replicas,
        previous=replicas,
        rule="test",
        forced=service.forced + 1,
    )


@pytest.mark.asyncio
class RestartContract:
    """A restart replaces every task, once, and nothing else changes."""

    @pytest.fixture
    async def orchestrator(self, bed: Bed) -> AsyncIterator[Orchestrator]:
        """The adapter under test."""
        adapter = bed.orchestrator()
        yield adapter
        await adapter.close()

    @pytest.fixture
    def name(self) -> str:
        """A service's name that no other test uses."""
        return f"restart{next(numbers)}"

    @pytest.mark.parametrize("act", [Act.RESTART, Act.REBALANCE])
    async def test_a_restart_replaces_every_task_and_keeps_release_and_replicas(
        self, bed: Bed, orchestrator: Orchestrator, name: str, act: Act
    ) -> None:
        service_id = await bed.create(name, 2, placeable=True)
        before, tasks = await eventually(
            orchestrator, service_id, lambda _, tasks: sum(task.healthy for task in tasks) == 2
        )
        old = {task.id for task in tasks}
        written = await orchestrator.apply(restarting(before, act))
        assert written.version > before.version
        after, _ = await eventually(
            orchestrator,
            service_id,
            lambda service, tasks: (
                service.rollout.settled and len({t.id for t in tasks if t.healthy} - old) == 2
            ),
        )
        assert (after.replicas, after.template) == (2, before.template)
        assert after.forced == before.forced + 1

    async def test_a_restart_that_was_done_is_not_done_again(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        await orchestrator.apply(restarting(seen))
        with pytest.raises(Conflict):
            await orchestrator.apply(restarting(seen))
        assert (await orchestrator.inspect(service_id))[0].forced == seen.forced + 1

    async def test_during_a_rollout_nothing_is_restarted(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2)
        await bed.unsettle(service_id)
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: not service.rollout.settled
        )
        with pytest.raises(Conflict):
            await orchestrator.apply(restarting(seen))
        assert (await orchestrator.inspect(service_id))[0].forced == seen.forced

    @pytest.mark.parametrize("mode", [Mode.REPLICATED_JOB, Mode.GLOBAL_JOB])
    async def test_a_job_is_never_restarted(
        self, bed: Bed, orchestrator: Orchestrator, name: str, mode: Mode
    ) -> None:
        service_id = await bed.create(name, 1, mode=mode)
        before, _ = await orchestrator.inspect(service_id)
        with pytest.raises(Permanent):
            await orchestrator.apply(restarting(before))
        assert (await orchestrator.inspect(service_id))[0].version == before.version
