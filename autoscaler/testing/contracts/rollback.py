"""The contract of the Orchestrator port for rollbacks.

class TestMyOrchestrator(RollbackContract):
    @pytest.fixture
    async def bed(self) -> AsyncIterator[Bed]:
        async with my_cluster() as cluster:
            yield MyBed(cluster)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from autoscaler.errors import Conflict, Gone, Permanent, Refused
from autoscaler.model import Act, Action, Mode, Rollout, Service, Template
from autoscaler.ports import Orchestrator
from autoscaler.testing.contracts.orchestrator import Bed, eventually, numbers
from autoscaler.testing.contracts.restart import restarting


def going_back(service: Service, template: Template) -> Action:
    """The action that brings a template back to a service as it was observed."""
    replicas = service.replicas or 0
    return Action(
        kind=Act.ROLLBACK,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=replicas,
        previous=replicas,
        rule="test",
        release=template.release,
        over=service.rollout,
    )


@pytest.mark.asyncio
class RollbackContract:
    """A rollback brings a template back as it was, and nothing else changes."""

    @pytest.fixture
    async def orchestrator(self, bed: Bed) -> AsyncIterator[Orchestrator]:
        """The adapter under test."""
        adapter = bed.orchestrator()
        yield adapter
        await adapter.close()

    @pytest.fixture
    def name(self) -> str:
        """A service's name that no other test uses."""
        return f"rollback{next(numbers)}"

    async def test_the_template_that_is_read_is_that_of_the_service(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        service, _ = await orchestrator.inspect(service_id)
        template = await orchestrator.template(service_id)
        assert (template.release, template.image) == (service.template, service.image)
        assert template.raw not in repr(template)

    async def test_the_template_is_back_with_the_replicas_of_now(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 2, placeable=True)
        good = await orchestrator.template(service_id)
        await bed.deploy(service_id, 2)
        await eventually(
            orchestrator, service_id, lambda service, _: service.rollout is Rollout.COMPLETED
        )
        await bed.scale(service_id, 3)
        bad, _ = await orchestrator.inspect(service_id)
        assert bad.template != good.release
        after = await orchestrator.restore(going_back(bad, good), good)
        assert (after.template, after.replicas, after.labels) == (good.release, 3, bad.labels)
        assert after.version > bad.version
        back, _ = await eventually(
            orchestrator,
            service_id,
            lambda service, tasks: (
                service.rollout.settled and sum(task.healthy for task in tasks) == 3
            ),
        )
        assert back.template == good.release

    async def test_the_restart_counter_never_falls(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1, placeable=True)
        good = await orchestrator.template(service_id)
        await bed.deploy(service_id, 2)
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: service.rollout is Rollout.COMPLETED
        )
        restarted = await orchestrator.apply(restarting(seen))
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: service.rollout is Rollout.COMPLETED
        )
        after = await orchestrator.restore(going_back(seen, good), good)
        assert (after.template, after.forced) == (good.release, restarted.forced)

    async def test_a_rollout_is_written_over_if_it_is_in_the_state_that_was_seen(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        good = await orchestrator.template(service_id)
        await bed.deploy(service_id, 2)
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: not service.rollout.settled
        )
        action = going_back(seen, good)
        for held in (replace(action, over=Rollout.NONE), replace(action, version=1)):
            with pytest.raises(Conflict):
                await orchestrator.restore(held, good)
        assert (await orchestrator.restore(action, good)).template == good.release

    async def test_somebody_elses_write_is_a_conflict_and_stands(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        good = await orchestrator.template(service_id)
        await bed.deploy(service_id, 2)
        seen, _ = await orchestrator.inspect(service_id)
        await bed.deploy(service_id, 3)
        with pytest.raises(Conflict):
            await orchestrator.restore(going_back(seen, good), good)
        assert (await orchestrator.inspect(service_id))[0].template not in (
            good.release,
            seen.template,
        )

    async def test_where_it_is_there_already_nothing_is_written(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        good = await orchestrator.template(service_id)
        seen, _ = await orchestrator.inspect(service_id)
        after = await orchestrator.restore(going_back(seen, good), good)
        assert after.version == seen.version

    async def test_another_template_than_the_one_decided_on_is_refused(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        good = await orchestrator.template(service_id)
        await bed.deploy(service_id, 2)
        seen, _ = await eventually(
            orchestrator, service_id, lambda service, _: not service.rollout.settled
        )
        other = await orchestrator.template(service_id)
        with pytest.raises(Refused):
            await orchestrator.restore(going_back(seen, good), replace(other, release=good.release))
        assert (await orchestrator.inspect(service_id))[0].template == seen.template

    @pytest.mark.parametrize("mode", [Mode.REPLICATED_JOB, Mode.GLOBAL_JOB])
    async def test_a_job_is_never_rolled_back(
        self, bed: Bed, orchestrator: Orchestrator, name: str, mode: Mode
    ) -> None:
        service_id = await bed.create(name, 1, mode=mode)
        seen, _ = await orchestrator.inspect(service_id)
        template = await orchestrator.template(service_id)
        with pytest.raises(Permanent):
            await orchestrator.restore(going_back(seen, template), template)
        assert (await orchestrator.inspect(service_id))[0].version == seen.version

    async def test_a_service_that_is_gone_is_told_as_such(
        self, bed: Bed, orchestrator: Orchestrator, name: str
    ) -> None:
        service_id = await bed.create(name, 1)
        seen, _ = await orchestrator.inspect(service_id)
        template = await orchestrator.template(service_id)
        await bed.remove(service_id)
        for call in (
            orchestrator.template(service_id),
            orchestrator.restore(going_back(seen, template), template),
        ):
            with pytest.raises(Gone):
                await call
