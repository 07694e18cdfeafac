"""Acts without an answer, and a store that does not take what it is told: nothing is lost,
nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from inspect import iscoroutinefunction
from typing import Any, cast

import pytest

from autoscaler.brake import BrakeLimits
from autoscaler.decide import recall
from autoscaler.errors import AutoscalerError, OutcomeUnknown, Temporary
from autoscaler.model import Outcome, Service
from autoscaler.ports import Orchestrator, Store
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

POLICY = a_policy_document(min=1, max=20, behavior=at_once(), policy={"services": ["*"]})
FULL = Temporary("database or disk is full")
LATE = OutcomeUnknown("no answer in time")


class Faulty:
    """Something of which calls raise while told so, before their work or after it."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.before: dict[str, Exception] = {}
        self.after: dict[str, Exception] = {}
        self.about = ""
        """Calls that bear another argument work, if this is set."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not iscoroutinefunction(method):
            return method

        async def call(*args: object, **words: object) -> object:
            fails = not self.about or self.about in args
            if fails and name in self.before:
                raise self.before[name]
            result = await method(*args, **words)
            if fails and name in self.after:
                raise self.after[name]
            return result

        return call

    def mend(self) -> None:
        """From now on all is well."""
        self.before, self.after = {}, {}


class Scene(Scenario):
    """A scenario whose store and Swarm can fail."""

    disk: Faulty
    engine: Faulty

    async def fails(self) -> None:
        """A cycle that may raise; the loop would tell, and go on."""
        with suppress(AutoscalerError):
            await self.cycle()

    async def ended(self) -> list[Outcome | None]:
        """How actions ended, oldest first."""
        history = await self.store.history()
        return [outcome for decision, outcome in reversed(history) if decision.action]

    def total(self) -> int:
        """Replicas of all services."""
        return sum(service.replicas or 0 for service in self.swarm.services.values())


@asynccontextmanager
async def a_scene(*services: Service, load: float = 900.0, **words: Any) -> AsyncIterator[Scene]:
    disk = Faulty(await SqliteStore.open(":memory:"))
    told: dict[str, Any] = {
        "policies": [POLICY],
        "answer": constant(load),
        "store": cast("Store", disk),
    } | words
    scene = Scene(*services or (a_service(3),), **told)
    scene.disk, scene.engine = disk, Faulty(scene.swarm)
    scene.orchestrator = cast("Orchestrator", scene.engine)
    async with scene:
        yield scene


# The store.


@pytest.mark.parametrize("fault", [FULL, LATE], ids=["refused", "late"])
async def test_an_outcome_that_the_store_did_not_take_is_paid_by_the_next_pass(
    fault: Exception,
) -> None:
    async with a_scene() as scene:
        scene.disk.before["settle"] = fault
        await scene.cycle()
        assert scene.replicas() == 9
        assert len(await scene.store.open_intents()) == 1
        scene.disk.mend()
        await scene.cycle()
        assert await scene.store.open_intents() == []
        assert await scene.ended() == [Outcome.DONE]
        assert [s.change for s in (await scene.store.memories())["web-id"].scaled] == [6]
        assert len(scene.swarm.applied) == 1


async def test_an_outcome_that_is_still_owed_at_a_kill_is_read_by_the_next_process() -> None:
    async with a_scene() as scene:
        scene.disk.before["settle"] = FULL
        await scene.cycle()
        scene.disk.mend()
        await scene.restart()
        await scene.cycle()
        assert await scene.ended() == [Outcome.DONE]
        assert scene.memories["web-id"].disturbed_at is None
        assert len(scene.swarm.applied) == 1


async def test_an_outcome_that_is_paid_late_does_not_undo_what_was_remembered_since() -> None:
    slow = a_policy_document(min=1, max=20, behavior={"scale_down": {"stabilization": "1h"}})
    async with a_scene(policies=[slow]) as scene:
        scene.disk.before["settle"] = FULL
        await scene.cycle()
        scene.source.answer = constant(500.0)
        await scene.cycles(2)
        scene.disk.mend()
        await scene.cycle()
        assert await scene.store.open_intents() == []
        stored = (await scene.store.memories())["web-id"]
        assert stored.scaled == scene.memories["web-id"].scaled
        assert recall.durable(stored) == recall.durable(scene.memories["web-id"])


async def test_a_memory_that_could_not_be_stored_is_stored_by_the_next_pass() -> None:
    async with a_scene(load=300.0) as scene:
        scene.disk.before["record"] = FULL
        await scene.fails()
        first = scene.clock()
        assert await scene.store.memories() == {}
        scene.disk.mend()
        await scene.cycle()
        (run,) = (await scene.store.memories())["web-id"].recommendations
        assert run.since == first


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("restarted", [False, True], ids=["goes on", "restarted"])
async def test_an_intent_whose_commit_was_late_is_not_sent_and_its_end_is_known(
    when: str, restarted: bool
) -> None:
    """Whether or not it came to be stored."""
    async with a_scene() as scene:
        getattr(scene.disk, when)["record"] = LATE
        await scene.fails()
        assert scene.swarm.applied == []
        scene.disk.mend()
        if restarted:
            await scene.restart()
        await scene.cycle()
        assert scene.replicas() == 9
        assert len(scene.swarm.applied) == 1
        assert await scene.store.open_intents() == []
        assert (await scene.ended())[-1] is Outcome.DONE
        assert set((await scene.ended())[:-1]) <= {Outcome.FAILED}
        assert scene.memories["web-id"].disturbed_at is None


async def test_a_late_commit_takes_nothing_from_the_brake() -> None:
    limits = BrakeLimits(at_least=4, percent=1.0)
    async with a_scene(a_service(10), load=100.0, limits=limits) as scene:
        scene.disk.after["record"] = LATE
        for _ in range(3):
            await scene.fails()
        scene.disk.mend()
        await scene.cycle()
        assert scene.replicas() == 6


# Acts.


async def test_removals_whose_answers_were_lost_count_until_it_is_known_how_they_ended() -> None:
    services = [a_service(10, id=f"s{n}", name=f"web{n}") for n in range(5)]
    limits = BrakeLimits(percent=10, at_least=12, period=300)
    async with a_scene(*services, load=0.0, limits=limits) as scene:
        scene.engine.after["apply"] = LATE
        scene.engine.before["inspect"] = Temporary("no leader")
        await scene.cycles(3)
        assert scene.total() == 50 - 12
        await scene.restart()
        await scene.cycles(3)
        assert scene.total() == 50 - 12
        scene.engine.mend()
        await scene.cycles(3)
        assert scene.total() == 50 - 12
        await scene.cycle(seconds=301.0)
        assert scene.total() == 50 - 24


async def test_what_was_not_removed_after_all_is_given_back_to_the_brake() -> None:
    services = [a_service(10, id=f"s{n}", name=f"web{n}") for n in range(5)]
    limits = BrakeLimits(percent=10, at_least=12, period=300)
    async with a_scene(*services, load=0.0, limits=limits) as scene:
        scene.engine.before["apply"] = LATE
        await scene.cycle()
        assert scene.total() == 50
        scene.engine.mend()
        await scene.cycles(2)
        assert scene.total() == 50 - 12


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_act_that_fails_in_a_way_nobody_foresaw_is_settled_by_reading(when: str) -> None:
    async with a_scene() as scene:
        getattr(scene.engine, when)["apply"] = KeyError("Spec")
        await scene.cycle()
        assert len(await scene.store.open_intents()) == 1
        scene.engine.mend()
        await scene.cycle()
        assert scene.replicas() == 9
        assert len(scene.swarm.applied) == 1
        assert await scene.store.open_intents() == []


async def test_a_service_that_cannot_be_read_for_a_fault_of_ours_keeps_no_other_waiting() -> None:
    async with a_scene(a_service(3), a_service(3, id="b", name="b")) as scene:
        scene.engine.after["apply"] = LATE
        await scene.cycle()
        scene.engine.mend()
        scene.source.answer = constant(1200.0)
        scene.engine.before["inspect"], scene.engine.about = KeyError("Spec"), "web-id"
        await scene.cycle()
        assert scene.replicas("b") == 12
        assert scene.replicas() == 9
        assert (await scene.last()).held_by == "unsettled"


# What is known.


@pytest.mark.parametrize(
    ("age", "replicas", "held_by"), [(59.0, 7, None), (61.0, 8, "missing_data")]
)
async def test_answers_that_are_too_old_shrink_nothing_though_their_service_is_fresh(
    age: float, replicas: int, held_by: str | None
) -> None:
    """The fleet cannot be listed, so nobody asks the sources; events still wake passes."""
    pace = {"stabilization": "0s", "policies": [{"replicas": 1, "period": "15s"}]}
    policy = a_policy_document(min=1, max=20, behavior={"scale_down": pace})
    async with a_scene(a_service(9), load=100.0, policies=[policy]) as scene:
        await scene.cycle()
        assert scene.replicas() == 8
        scene.clock.advance(age)
        async with asyncio.TaskGroup() as group:
            scene.controller.use(group)
            await scene.controller.refresh("web-id")
        assert scene.replicas() == replicas
        assert (await scene.last()).held_by == held_by


def raising(_query: str, _service: str) -> Any:
    raise RecursionError


def no_sample(_query: str, _service: str) -> Any:
    return None


@pytest.mark.parametrize("answer", [raising, no_sample])
async def test_a_source_that_fails_in_a_way_nobody_foresaw_shrinks_nothing(answer: Any) -> None:
    async with a_scene(a_service(9)) as scene:
        scene.source.answer = answer
        await scene.cycle()
        assert scene.replicas() == 9
        assert (await scene.last()).held_by == "missing_data"
