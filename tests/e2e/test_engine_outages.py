"""A real engine that hangs, restarts or is away: errors are named, events go on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.model import Event
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed, eventually
from autoscaler.testing.real.dockerd import PrivateSwarm


@pytest.fixture
def own_swarm(need_engine: None) -> Iterator[PrivateSwarm]:
    """A Swarm that may be ill-treated."""
    with PrivateSwarm() as swarm:
        yield swarm


@pytest.fixture
async def bed(own_swarm: PrivateSwarm) -> AsyncIterator[SwarmBed]:
    async with EngineApi(own_swarm.host) as api:
        bed = SwarmBed(own_swarm.host, api, "busybox")
        yield bed
        await bed.clear()


@pytest.fixture
async def orchestrator(own_swarm: PrivateSwarm) -> AsyncIterator[SwarmOrchestrator]:
    settings = {"host": own_swarm.host, "timeout": "3s", "events": {"backoff_max": "500ms"}}
    adapter = SwarmOrchestrator(SwarmSettings.model_validate(settings))
    yield adapter
    await adapter.close()


async def test_a_hanging_engine_is_a_temporary_error_and_a_write_to_it_is_unknown(
    own_swarm: PrivateSwarm, bed: SwarmBed, orchestrator: SwarmOrchestrator
) -> None:
    service_id = await bed.create("hangs", 1)
    seen, _ = await orchestrator.inspect(service_id)
    own_swarm.freeze()
    try:
        with pytest.raises(Temporary):
            await orchestrator.snapshot()
        with pytest.raises(Temporary):
            await orchestrator.apply(scaling(seen, 2))
    finally:
        own_swarm.thaw()
    assert (await orchestrator.apply(scaling(seen, 2))).replicas == 2


async def test_a_write_that_an_engine_died_of_is_settled_by_reading(
    own_swarm: PrivateSwarm, bed: SwarmBed, orchestrator: SwarmOrchestrator
) -> None:
    service_id = await bed.create("dies", 1)
    for replicas in range(2, 5):
        seen, _ = await orchestrator.inspect(service_id)
        write = asyncio.ensure_future(orchestrator.apply(scaling(seen, replicas)))
        await asyncio.sleep(0.002 * replicas)
        await asyncio.to_thread(own_swarm.restart)
        (outcome,) = await asyncio.gather(write, return_exceptions=True)
        await eventually(lambda: answers(orchestrator))
        now, _ = await orchestrator.inspect(service_id)
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, OutcomeUnknown | Temporary) or no_manager(outcome)
        else:
            assert now.replicas == replicas
        assert now.replicas in (seen.replicas, replicas)


async def test_events_go_on_after_a_restart_of_the_engine(
    own_swarm: PrivateSwarm, bed: SwarmBed, orchestrator: SwarmOrchestrator
) -> None:
    service_id = await bed.create("tells", 1)
    told: list[Event] = []

    reading = asyncio.create_task(read_into(told.append, orchestrator))
    await eventually(lambda: has(told, None, "resync", 1))
    await asyncio.to_thread(own_swarm.restart)
    await eventually(lambda: has(told, None, "resync", 2))
    assert orchestrator.reconnects >= 1
    await eventually(lambda: answers(orchestrator))
    await bed.scale(service_id, 2)
    await eventually(lambda: has(told, service_id, "update", 1))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def read_into(take: Callable[[Event], None], orchestrator: SwarmOrchestrator) -> None:
    async for event in orchestrator.events():
        take(event)


async def answers(orchestrator: SwarmOrchestrator) -> bool:
    """Whether the Swarm has a leader again."""
    try:
        await orchestrator.snapshot()
    except Temporary:
        return False
    except Permanent as error:
        if not no_manager(error):
            raise
        return False
    return True


def no_manager(error: BaseException) -> bool:
    """What an engine says on its way down and up: as one that never was a manager."""
    return isinstance(error, Permanent) and "is not a swarm manager" in str(error)


async def has(told: list[Event], service_id: str | None, action: str, count: int) -> bool:
    found = [each for each in told if (each.service_id, each.action) == (service_id, action)]
    return len(found) >= count
