"""What a pass does beyond deciding: it stores, acts, and settles what it cannot know."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from autoscaler.brake import BrakeLimits
from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Mode, Outcome, Quality, Rollout, Sample
from autoscaler.ports import Orchestrator, Store
from autoscaler.testing.builders import a_policy_document, a_service, at_once, value
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.view import Samples

POLICY = a_policy_document(min=1, max=20, behavior=at_once())


async def test_load_above_target_scales_up_and_is_remembered() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        await scene.cycle()
        assert scene.replicas() == 9
        assert [s.change for s in scene.memories["web-id"].scaled] == [6]
        ((decision, outcome),) = await scene.store.history()
        assert decision.action is not None
        assert outcome is Outcome.DONE


async def test_an_idle_pass_stores_nothing_new() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(300.0)) as scene:
        await scene.cycles(5)
        assert len(await scene.store.history()) == 1
        assert scene.swarm.applied == []


async def test_a_lost_answer_is_settled_by_reading_and_not_repeated() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        scene.swarm.lose_answers = True
        await scene.cycle()
        assert len(await scene.store.open_intents()) == 1
        scene.swarm.lose_answers = False
        await scene.cycle()
        assert await scene.store.open_intents() == []
        assert len(scene.swarm.applied) == 1
        assert [s.change for s in scene.memories["web-id"].scaled] == [6]
        assert scene.memories["web-id"].disturbed_at is None


async def test_while_an_outcome_cannot_be_read_nothing_is_done() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        scene.swarm.lose_answers = True
        await scene.cycle()
        scene.view.samples["web-id"] = Samples(scene.clock(), {"load": value(1800.0)})
        fleet = await scene.swarm.snapshot()
        scene.view.adopt(fleet)
        scene.swarm.fault = Temporary("no leader")
        intents = await scene.reconciler.reconcile(list(fleet.services.values()), scene.covering)
        assert intents == []
        assert (await scene.last()).held_by == "unsettled"
        assert scene.memories["web-id"].disturbed_at is None


async def test_a_write_by_somebody_else_is_a_conflict_and_starts_the_cooldown() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(300.0)) as scene:
        await scene.cycle()
        scene.swarm.write("web-id", replicas=5)
        scene.source.answer = constant(2000.0)
        await scene.cycle()
        assert scene.replicas() == 5
        assert (await scene.last()).held_by == "manual_change"
        await scene.cycle(seconds=300.0)
        assert scene.replicas() == 20


async def test_nothing_is_done_without_a_stored_intent() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        disk = FullDisk(scene.store)
        working, scene.store = scene.store, cast("Store", disk)
        await scene.restart()
        with pytest.raises(Temporary):
            await scene.cycle()
        assert scene.swarm.applied == []
        disk.full = False
        await scene.cycle()
        assert scene.replicas() == 9
        assert "web-id" in await working.memories()


async def test_two_policies_on_one_service_hold_it_and_are_named() -> None:
    other = {**POLICY, "name": "other"}
    async with Scenario(a_service(3), policies=[POLICY, other], answer=constant(900.0)) as scene:
        await scene.cycle()
        decision = await scene.last()
        assert decision.held_by == "ambiguous_policy"
        assert "web-policy and other" in decision.reason
        assert scene.swarm.applied == []


@pytest.mark.parametrize("mode", [Mode.GLOBAL, Mode.REPLICATED_JOB, Mode.GLOBAL_JOB])
async def test_what_is_not_replicated_is_never_written_to(mode: Mode) -> None:
    service = a_service(None, mode=mode)
    async with Scenario(service, policies=[POLICY], answer=constant(900.0)) as scene:
        await scene.cycle()
        assert scene.swarm.applied == []
        assert (await scene.last()).held_by == "scalable"


@pytest.mark.parametrize("state", [r for r in Rollout if not r.settled])
async def test_a_rollout_that_is_not_settled_is_left_alone(state: Rollout) -> None:
    service = a_service(3, rollout=state)
    async with Scenario(service, policies=[POLICY], answer=constant(900.0)) as scene:
        await scene.cycle()
        assert scene.swarm.applied == []
        assert (await scene.last()).held_by == "rollout"


async def test_the_brake_is_shared_by_all_services_of_a_pass() -> None:
    services = [a_service(10, id=f"s{n}", name=f"web{n}") for n in range(5)]
    policy = {**POLICY, "services": ["web*"]}
    limits = BrakeLimits(percent=10, at_least=12, period=300)
    async with Scenario(*services, policies=[policy], limits=limits) as scene:
        await scene.cycle()
        await scene.cycle()
        assert sum(s.replicas or 0 for s in scene.swarm.services.values()) == 50 - 12
        await scene.cycle(seconds=301.0)
        assert sum(s.replicas or 0 for s in scene.swarm.services.values()) == 38 - 12


async def test_the_brake_remembers_over_a_restart() -> None:
    limits = BrakeLimits(percent=10, at_least=2, period=300)
    async with Scenario(a_service(10), policies=[POLICY], limits=limits) as scene:
        await scene.cycle()
        assert scene.replicas() == 8
        await scene.restart()
        await scene.cycle()
        assert scene.replicas() == 8
        assert (await scene.last()).held_by == "fleet_brake"


async def test_a_refused_write_is_told_and_the_next_pass_tries_again() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        apply = scene.swarm.apply
        scene.orchestrator = cast("Orchestrator", Refusing(scene.swarm))
        await scene.restart()
        await scene.cycle()
        ((_, outcome),) = await scene.store.history()
        assert outcome is Outcome.FAILED
        scene.orchestrator.apply = apply  # type: ignore[method-assign]
        await scene.cycle()
        assert scene.replicas() == 9


async def test_a_fault_in_one_strategy_leaves_the_other_services_running() -> None:
    def answer(query: str, service: str) -> Sample:
        tasks = {"x": object()} if service == "bad" else None
        return Sample(quality=Quality.VALUE, value=900.0, tasks=tasks)  # type: ignore[arg-type]

    services = [a_service(3), a_service(3, id="bad-id", name="bad")]
    policies = [POLICY, {**POLICY, "name": "bad", "services": ["bad"]}]
    async with Scenario(*services, policies=policies, answer=answer) as scene:
        await scene.cycle()
        assert scene.replicas("web-id") == 9
        assert scene.replicas("bad-id") == 3


async def test_a_snapshot_from_before_our_write_does_not_undo_what_is_known() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        before = await scene.swarm.snapshot()
        await scene.cycle()
        scene.view.adopt(replace(before, at=scene.clock()))
        assert scene.view.services["web-id"].replicas == 9


async def test_a_service_that_is_gone_for_an_hour_is_forgotten() -> None:
    async with Scenario(a_service(3), policies=[POLICY], answer=constant(900.0)) as scene:
        scene.swarm.lose_answers = True
        await scene.cycle()
        scene.swarm.services.clear()
        await scene.cycle()
        assert "web-id" in await scene.store.memories()
        await scene.cycle(seconds=3601.0)
        assert await scene.store.memories() == {}
        assert await scene.store.open_intents() == []


class FullDisk:
    """A store that can be full."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.full = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def record(self, **rows: object) -> None:
        if self.full:
            raise Temporary("database or disk is full")
        await self._store.record(**rows)  # type: ignore[attr-defined]


class Refusing:
    """An orchestrator that refuses writes."""

    def __init__(self, swarm: object) -> None:
        self._swarm = swarm

    def __getattr__(self, name: str) -> object:
        return getattr(self._swarm, name)

    async def apply(self, action: object) -> object:
        raise Permanent("the spec is refused")
