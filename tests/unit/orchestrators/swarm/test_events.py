"""Events are hints that never end, whatever happens to the stream."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Event
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.orchestrators.swarm.event import Recent, read_event
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.faults import Canned

from .conftest import Adapt, becomes

FAST = {"backoff": "10ms", "backoff_max": "20ms"}


class Reader:
    """Collects events in the background."""

    def __init__(self, orchestrator: SwarmOrchestrator) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read(orchestrator))

    async def until(self, count: int, action: str = "update") -> list[Event]:
        """The events with an action, once there are so many."""
        async with asyncio.timeout(120):
            while len(found := self.of(action)) < count:
                self._more.clear()
                await self._more.wait()
        return found

    def of(self, action: str) -> list[Event]:
        return [event for event in self.events if event.action == action]

    async def stop(self) -> None:
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task

    async def _read(self, orchestrator: SwarmOrchestrator) -> None:
        async for event in orchestrator.events():
            self.events.append(event)
            self._more.set()


@pytest.fixture
async def orchestrator(adapt: Adapt) -> SwarmOrchestrator:
    return adapt(events=FAST)


@pytest.fixture
async def reader(orchestrator: SwarmOrchestrator) -> AsyncIterator[Reader]:
    reader = Reader(orchestrator)
    await reader.until(1, "resync")
    yield reader
    await reader.stop()


async def test_a_service_is_named_by_its_id_and_its_containers_events_too(
    engine: FakeSwarm, reader: Reader
) -> None:
    service = engine.create("web", 1)
    await reader.until(1, "start")
    engine.scale(service, 2)
    (update,) = await reader.until(1)
    assert (update.service_id, update.kind) == (service.id, "service")
    assert update.attributes == {"name": "web", "replicas.old": "1", "replicas.new": "2"}
    assert {event.service_id for event in reader.of("start")} == {service.id}
    assert update.at == pytest.approx(1_700_000_000.0)


async def test_a_nodes_event_names_no_service(engine: FakeSwarm, reader: Reader) -> None:
    node = engine.add_node("node2")
    engine.set_node(node, availability="drain")
    (event,) = await reader.until(1)
    assert (event.service_id, event.kind, event.attributes["name"]) == (None, "node", "node2")


async def test_a_cut_stream_is_opened_anew_and_nothing_is_lost_or_told_twice(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator, reader: Reader
) -> None:
    service = engine.create("web", 0)
    for count in range(1, 30):
        engine.scale(service, count)
        await reader.until(count)
        engine.cut_events()
        if count % 3 == 0:
            await reader.until(orchestrator.reconnects + 1, "resync")
    await reader.until(30, "resync")
    assert orchestrator.reconnects == 29
    told = [event.attributes["replicas.new"] for event in reader.of("update")]
    assert told == [str(count) for count in range(1, 30)]


async def test_what_happens_between_two_streams_is_replayed(
    engine: FakeSwarm, reader: Reader
) -> None:
    service = engine.create("web", 0)
    await reader.until(1, "create")
    engine.mute_events()
    engine.scale(service, 1)
    engine.mute_events(False)
    engine.cut_events()
    (update,) = await reader.until(1)
    assert update.attributes["replicas.new"] == "1"


async def test_events_that_come_twice_are_told_once(engine: FakeSwarm, reader: Reader) -> None:
    engine.double_events()
    service = engine.create("web", 0)
    for count in range(1, 5):
        engine.scale(service, count)
    await reader.until(4)
    engine.remove(service)
    await reader.until(1, "remove")
    assert len(reader.of("update")) == 4


async def test_an_engine_that_is_away_is_found_when_it_is_back(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator, reader: Reader
) -> None:
    async with engine.down():
        await becomes(lambda: orchestrator.reconnects >= 4)
    await reader.until(2, "resync")
    engine.create("web", 0)
    await reader.until(1, "create")


async def test_an_engine_that_is_no_manager_is_asked_again(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator, reader: Reader
) -> None:
    engine.faults.answers["/events"] = Canned(503, '{"message":"not a swarm manager"}')
    engine.cut_events()
    await becomes(lambda: orchestrator.reconnects >= 3)
    engine.faults.answers.clear()
    await reader.until(2, "resync")


async def test_a_silent_stream_is_opened_anew_after_a_while(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    reasons: list[str] = []
    settings = SwarmSettings.model_validate(
        {"host": engine.host, "events": {**FAST, "silence": "50ms"}}
    )
    orchestrator = SwarmOrchestrator(settings, on_reconnect=reasons.append)
    reader = Reader(orchestrator)
    service = engine.create("web", 0)
    await reader.until(1, "resync")
    engine.mute_events()
    engine.scale(service, 1)
    await reader.until(3, "resync")
    await reader.stop()
    await orchestrator.close()
    assert set(reasons) == {"silence"}
    assert orchestrator.reconnects == len(reasons)


async def test_a_snapshot_that_shows_an_untold_change_finds_a_dead_stream(
    engine: FakeSwarm, adapt: Adapt
) -> None:
    orchestrator = adapt(events={**FAST, "grace": "50ms"})
    reader = Reader(orchestrator)
    await reader.until(1, "resync")
    service = engine.create("web", 0)
    await reader.until(1, "create")
    await orchestrator.snapshot()
    engine.mute_events()
    engine.scale(service, 1)
    await orchestrator.snapshot()
    (update,) = await reader.until(1)
    assert update.service_id == service.id
    assert orchestrator.reconnects == 1
    await reader.stop()


async def test_a_live_stream_is_left_alone_by_snapshots(engine: FakeSwarm, adapt: Adapt) -> None:
    orchestrator = adapt(events={**FAST, "grace": "10ms"})
    reader = Reader(orchestrator)
    await reader.until(1, "resync")
    service = engine.create("web", 0)
    for count in range(1, 6):
        engine.scale(service, count)
        await reader.until(count)
        await orchestrator.snapshot()
        await asyncio.sleep(0.02)
    assert orchestrator.reconnects == 0
    await reader.stop()


async def test_an_endless_line_ends_the_stream_and_not_the_reader(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator, reader: Reader
) -> None:
    engine.faults.answers["/events"] = Canned(200, "x" * 3_000_000)
    engine.cut_events()
    await becomes(lambda: orchestrator.reconnects >= 2)
    engine.faults.answers.clear()
    await reader.until(len(reader.of("resync")) + 1, "resync")
    engine.create("web", 0)
    await reader.until(1, "create")


async def test_only_events_that_matter_are_asked_for(engine: FakeSwarm, reader: Reader) -> None:
    (request,) = [each for each in engine.requests if each.path == "/events"]
    assert "exec" not in request.query["filters"]
    assert "since" not in request.query
    engine.create("web", 1)
    await reader.until(1, "start")
    engine.cut_events()
    await reader.until(2, "resync")
    again = [each for each in engine.requests if each.path == "/events"][-1]
    assert float(again.query["since"]) == pytest.approx(1_700_000_000 - 5, abs=0.01)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"Type": "service"}',
        b'{"timeNano": 1}',
        b'{"Type": "container", "Action": "die", "timeNano": 1, "Actor": {"ID": "x"}}',
    ],
)
def test_a_line_without_an_event_of_a_service_is_passed_over(line: bytes) -> None:
    assert read_event(line) is None


@given(st.lists(st.integers(0, 30), max_size=200))
def test_the_newest_events_are_remembered_and_no_more(times: list[int]) -> None:
    recent, last = Recent(10), list[int]()
    for at in times:
        new = recent.add(("service", "x", "update", at))
        assert new is (at not in last)
        last = [*last, at][-10:] if new else last
