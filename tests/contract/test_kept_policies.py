"""Policies that the Swarm keeps: its configs, by their label."""

import pytest

from autoscaler.errors import Temporary
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.ports import PolicyKeeper
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.bed import SwarmBed

TEXT = "version: 1  # größer\npolicies: []\n".encode()


async def kept(bed: SwarmBed) -> dict[str, bytes]:
    orchestrator = bed.orchestrator()
    assert isinstance(orchestrator, PolicyKeeper)
    try:
        return dict(await orchestrator.policies())
    finally:
        await orchestrator.close()


async def test_configs_with_the_label_are_policies_byte_for_byte(bed: SwarmBed, name: str) -> None:
    await bed.create_config(name, TEXT, autoscaler__policy="true")
    await bed.create_config(f"{name}-bytes", b"\xff\x00", autoscaler__policy="true")
    assert await kept(bed) == {name: TEXT, f"{name}-bytes": b"\xff\x00"}


async def test_other_configs_are_none(bed: SwarmBed, name: str) -> None:
    await bed.create_config(name, TEXT)
    await bed.create_config(f"{name}-off", TEXT, autoscaler__policy="false")
    await bed.create_config(f"{name}-other", TEXT, policy="true")
    assert await kept(bed) == {}


async def test_a_config_that_was_removed_is_kept_no_more(bed: SwarmBed, name: str) -> None:
    await bed.create_config(name, TEXT, autoscaler__policy="true")
    await bed.remove_configs()
    assert await kept(bed) == {}


async def test_without_a_leader_it_is_not_known_what_is_kept() -> None:
    async with FakeSwarm() as swarm:
        swarm.faults.no_leader = True
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))
        with pytest.raises(Temporary):
            await orchestrator.policies()
        await orchestrator.close()
