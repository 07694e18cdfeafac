"""When the controller looks at what, and how it ends; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from autoscaler.controller import (
    ACTS_FIRST,
    CONFLICT_PAUSE,
    MOST_SINGLE_WAKES,
    SMALL_FLEET,
)
from autoscaler.errors import Conflict, Temporary
from autoscaler.model import Action, Event, Fleet, Order, OrderKind, Outcome, Service, Task
from autoscaler.ports import Orchestrator, Store
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.memory_swarm import MemorySwarm
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.testing.virtual_time import (
    LoopClock,
    Threaded,
    by_threads,
    eventually,
    in_virtual_time,
)

POLICY = a_policy_document(min=1, max=20, behavior=at_once(), policy={"services": ["*"]})
INTERVAL = 15.0


class Watched:
    """A Swarm that writes down when it was asked what, and can be slow, or faulty."""

    def __init__(self, swarm: MemorySwarm) -> None:
        self._swarm = swarm
        self.looked: list[tuple[float, str]] = []
        """The loop's time, and `fleet` or the id of one service."""
        self.tried: list[float] = []
        """When an action was asked for."""
        self.slow = 0.0
        """Seconds that an action takes."""
        self.refuse: Exception | None = None
        """Raised by every action while set."""
        self.listened = 0
        self.deaf: Exception | None = None
        """Raised by the event stream while set."""

    async def snapshot(self) -> Fleet:
        self.looked.append((now(), "fleet"))
        return await self._swarm.snapshot()

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        self.looked.append((now(), service_id))
        return await self._swarm.inspect(service_id)

    async def apply(self, action: Action) -> Service:
        self.tried.append(now())
        await asyncio.sleep(self.slow)
        if self.refuse is not None:
            raise self.refuse
        return await self._swarm.apply(action)

    async def events(self) -> AsyncIterator[Event]:
        self.listened += 1
        if self.deaf is not None:
            raise self.deaf
        async for event in self._swarm.events():
            yield event

    async def close(self) -> None:
        """Nothing to give back."""

    def times(self, what: str) -> list[float]:
        return [round(at, 2) for at, looked in self.looked if looked == what]


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def a_scene(*services: Service, **words: Any) -> AsyncIterator[tuple[Scenario, Watched]]:
    """A loop that is not started yet, around a Swarm that is watched."""
    told: dict[str, Any] = {"policies": [POLICY], "answer": constant(300.0)} | words
    store = cast("Store", Threaded(await by_threads(SqliteStore.open(":memory:"))))
    scene = Scenario(*services or (a_service(3),), store=store, clock=LoopClock(), **told)
    watched = Watched(scene.swarm)
    scene.orchestrator = cast("Orchestrator", watched)
    async with scene:
        yield scene, watched


@asynccontextmanager
async def running(scene: Scenario) -> AsyncIterator[Callable[[], None]]:
    """The long-lived tasks, until the end of the block, or until they are told to end."""
    async with asyncio.TaskGroup() as group:
        tasks = scene.controller.start(group)

        def end() -> None:
            for task in tasks:
                task.cancel()

        try:
            yield end
        finally:
            end()


@in_virtual_time
async def test_the_fleet_is_looked_at_once_per_interval() -> None:
    async with a_scene() as (scene, watched), running(scene):
        await asyncio.sleep(3 * INTERVAL + 1)
        assert watched.times("fleet") == [0, INTERVAL, 2 * INTERVAL, 3 * INTERVAL]


@in_virtual_time
async def test_an_event_refreshes_its_service_and_no_other_and_a_storm_is_one_look() -> None:
    async with a_scene(a_service(3), a_service(3, id="b", name="b")) as (scene, watched):
        async with running(scene):
            await asyncio.sleep(5)
            for _ in range(20):
                scene.controller.wake("b")
            await asyncio.sleep(5)
        assert watched.times("b") == [5]
        assert watched.times("web-id") == []
        assert watched.times("fleet") == [0]


@in_virtual_time
async def test_a_service_that_is_woken_all_the_time_is_looked_at_twenty_times_a_second() -> None:
    async with a_scene() as (scene, watched), running(scene):
        await asyncio.sleep(1)
        for _ in range(1000):
            scene.controller.wake("web-id")
            await asyncio.sleep(0.001)
        assert 15 <= len(watched.times("web-id")) <= 25


@in_virtual_time
async def test_so_many_wake_ups_at_once_are_one_look_at_a_small_fleet() -> None:
    count = 2 * MOST_SINGLE_WAKES - 1
    services = [a_service(3, id=f"s{n}", name=f"s{n}") for n in range(count)]
    async with a_scene(*services) as (scene, watched), running(scene):
        await asyncio.sleep(5)
        for service in services:
            scene.controller.wake(service.id)
        await asyncio.sleep(5)
        singly = [looked for _, looked in watched.looked if looked != "fleet"]
        assert len(singly) < MOST_SINGLE_WAKES
        assert watched.times("fleet") == [0, 5]


@in_virtual_time
async def test_a_large_fleet_is_not_waited_for_where_some_services_can_be_looked_at() -> None:
    count = SMALL_FLEET + 1
    services = [a_service(3, id=f"s{n}", name=f"s{n}") for n in range(count)]
    async with a_scene(*services) as (scene, watched), running(scene):
        await asyncio.sleep(5)
        for service in services[: MOST_SINGLE_WAKES + 30]:
            scene.controller.wake(service.id)
        await asyncio.sleep(5)
        singly = [looked for _, looked in watched.looked if looked != "fleet"]
        assert len(singly) == MOST_SINGLE_WAKES
        assert watched.times("fleet") == [0, 5]


@in_virtual_time
async def test_looks_at_the_fleet_keep_their_distance_however_many_are_asked_for() -> None:
    async with a_scene() as (scene, watched), running(scene):
        for _ in range(500):
            scene.controller.wake()
            await asyncio.sleep(0.01)
        looks = watched.times("fleet")
        assert 5 <= len(looks) <= 11
        assert scene.source.asked == [("load_total", "web")], "only the ticker asks sources anew"


@in_virtual_time
async def test_a_schedule_opens_on_time_between_two_ticks() -> None:
    # The clock begins at 22:13:20 UTC; the minute turns 40 s later, ticks come at 30 and 45.
    nightly = {"name": "late", "cron": "14 22 * * *", "duration": "1h", "timezone": "UTC"}
    policy = a_policy_document(
        min=3, max=20, behavior=at_once(), schedules=[{**nightly, "min": 7}], metrics=[]
    )
    async with a_scene(policies=[policy]) as (scene, watched), running(scene):
        await asyncio.sleep(39.9)
        assert scene.replicas() == 3
        await asyncio.sleep(0.2)
        assert scene.replicas() == 7
        assert watched.tried == [pytest.approx(40, abs=0.01)]


@in_virtual_time
async def test_a_pause_by_hand_ends_on_time_between_two_ticks() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched):
        pause = Order(kind=OrderKind.PAUSE, at=scene.clock(), actor="ann", until=scene.clock() + 40)
        await scene.store.give(pause)
        async with running(scene):
            await asyncio.sleep(39.9)
            assert watched.tried == []
            await asyncio.sleep(0.2)
            assert watched.tried == [pytest.approx(40, abs=0.01)]


@in_virtual_time
async def test_an_order_by_hand_is_done_at_once_where_the_loop_is_woken_for_it() -> None:
    async with a_scene() as (scene, watched), running(scene):
        await asyncio.sleep(5)
        order = Order(kind=OrderKind.RESTART, service="web", at=scene.clock(), actor="ann")
        await scene.store.give(order)
        scene.controller.wake("web-id")
        await asyncio.sleep(1)
        assert watched.tried == [pytest.approx(5, abs=0.1)]
        assert list(await scene.store.orders()) == []


@in_virtual_time
async def test_after_a_conflict_the_pause_grows_up_to_the_interval_and_starts_anew() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched):
        watched.refuse = Conflict("update out of sequence")
        async with running(scene):
            await asyncio.sleep(90)
            pauses = [
                later - at for at, later in zip(watched.tried, watched.tried[1:], strict=False)
            ]
            assert pauses[0] == pytest.approx(CONFLICT_PAUSE, abs=0.1)
            assert max(pauses) <= INTERVAL + 0.1
            assert pauses[:5] == sorted(pauses[:5])
            assert len(watched.tried) < 20
            watched.refuse = None
            await eventually(lambda: scene.replicas() == 9, INTERVAL + 1)
            watched.refuse, watched.tried = Conflict("again"), []
            scene.source.answer = constant(1200.0)
            await eventually(lambda: len(watched.tried) == 2, INTERVAL + 1)
            assert watched.tried[1] - watched.tried[0] == pytest.approx(CONFLICT_PAUSE, abs=0.1)


@in_virtual_time
async def test_looks_wait_for_actions_under_way_and_not_for_long() -> None:
    other = a_service(9, id="b", name="b")
    async with a_scene(a_service(3), other, answer=constant(900.0)) as (scene, watched):
        watched.slow = 0.2
        async with running(scene):
            await eventually(lambda: watched.tried != [])
            scene.controller.wake("b")
            await asyncio.sleep(0.15)
            assert watched.times("b") == []
            await asyncio.sleep(0.1)
            assert len(watched.times("b")) == 1
            watched.slow = 20.0
            scene.source.answer = constant(1800.0)
            await eventually(lambda: len(watched.tried) == 3, INTERVAL + 1)
            scene.controller.wake("b")
            await asyncio.sleep(ACTS_FIRST + 0.1)
            assert len(watched.times("b")) == 2


@in_virtual_time
async def test_no_pass_is_made_over_a_service_whose_action_is_under_way() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched), running(scene):
        watched.slow = 20.0
        await asyncio.sleep(INTERVAL + 1)
        scene.controller.wake("web-id")
        await asyncio.sleep(1)
        assert len(watched.tried) == 1
        assert len(await scene.store.history()) == 1
        await asyncio.sleep(5)
        assert scene.replicas() == 9


@in_virtual_time
async def test_at_the_end_an_action_under_way_is_let_end() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched):
        watched.slow = 1.0
        async with running(scene) as end:
            await eventually(lambda: watched.tried != [])
            ended = now()
            end()
            await scene.controller.drain(2.0)
            assert now() - ended == pytest.approx(1.0, abs=0.1)
        assert scene.replicas() == 9
        assert [outcome for _, outcome in await scene.store.history()] == [Outcome.DONE]


@in_virtual_time
async def test_an_action_that_does_not_end_is_cut_off_and_stays_open() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched):
        watched.slow = 20.0
        async with running(scene) as end:
            await eventually(lambda: watched.tried != [])
            ended = now()
            end()
            await scene.controller.drain(2.0)
            assert now() - ended == pytest.approx(2.0, abs=0.1)
        assert len(await scene.store.open_intents()) == 1
        await scene.restart()
        watched.slow = 0.0
        async with running(scene):
            await eventually(lambda: scene.replicas() == 9, INTERVAL)
        assert await scene.store.open_intents() == []


@pytest.mark.parametrize("fault", [Temporary("no leader"), KeyError("Spec")], ids=repr)
@in_virtual_time
async def test_whatever_a_look_at_the_fleet_raises_the_next_one_comes(fault: Exception) -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched), running(scene):
        scene.swarm.fault = fault
        await asyncio.sleep(2 * INTERVAL + 1)
        assert len(watched.times("fleet")) == 3
        scene.swarm.fault = None
        await eventually(lambda: scene.replicas() == 9, INTERVAL)


@in_virtual_time
async def test_a_look_at_the_fleet_that_hangs_is_given_up() -> None:
    async with a_scene(answer=constant(900.0)) as (scene, watched):
        snapshot = watched.snapshot
        hanging = asyncio.Event()

        async def hang() -> Fleet:
            await hanging.wait()
            return await snapshot()

        watched.snapshot = hang  # type: ignore[method-assign]
        async with running(scene):
            await asyncio.sleep(20)
            watched.snapshot = snapshot  # type: ignore[method-assign]
            await eventually(lambda: scene.replicas() == 9, 2 * INTERVAL)


@pytest.mark.parametrize("fault", [Temporary("gone"), ValueError("no JSON")], ids=repr)
@in_virtual_time
async def test_an_event_stream_that_breaks_is_opened_again(fault: Exception) -> None:
    async with a_scene() as (scene, watched), running(scene):
        watched.deaf = fault
        await asyncio.sleep(3.5)
        assert watched.listened == 4
        watched.deaf = None
        await asyncio.sleep(1)
        scene.swarm.write("web-id", image="shop:2")
        await asyncio.sleep(0.5)
        assert len(watched.times("web-id")) == 1
