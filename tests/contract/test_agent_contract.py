"""An agent and the controller's hub, within a process and over a WebSocket: one contract."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from autoscaler.agent import process
from autoscaler.agent.channel import Channel, pipe
from autoscaler.agent.link import Backoff, Connect, Remote, keep_talking
from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.hub import Hub
from autoscaler.model import Act, Action
from autoscaler.settings import Agent
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import NOW
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.node_engine import FakeNodeEngine
from autoscaler.web import Door, Site, build

TOKEN = "a token of the tests"
QUICKLY = Backoff(first=0.01, longest=0.05, jitter=lambda: 1.0)


class Bed:
    """A hub, the engines of nodes, and agents between them."""

    def __init__(self, connect: Connect, hub: Hub, stack: AsyncExitStack, path: Path) -> None:
        self.connect = connect
        self.hub = hub
        self.clock = ManualClock()
        self.woken: list[str] = []
        self.engine = FakeNodeEngine(path / "docker.sock")
        self._stack = stack
        hub.wake = self.woken.append

    async def agent(self, **settings: object) -> Callable[[], Awaitable[None]]:
        """Start an agent of the engine; what is returned ends it."""
        given = Agent.model_validate({"host": self.engine.host, **settings})
        parts = await self._stack.enter_async_context(process.build(given, self.clock, self.clock))
        work = [
            asyncio.ensure_future(parts.node.run()),
            asyncio.ensure_future(keep_talking(self.connect, parts.talker().talk, QUICKLY)),
        ]

        async def end() -> None:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

        self._stack.push_async_callback(end)
        return end

    async def there(self, count: int = 1) -> None:
        await until(lambda: len(self.hub.talking()) == count)

    async def wakes(self, count: int) -> None:
        await until(lambda: len(self.woken) >= count)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture(params=["in process", "over a WebSocket"])
async def bed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bed]:
    hub = Hub(Telemetry(), ManualClock())
    async with AsyncExitStack() as stack:
        if request.param == "in process":
            connect = in_process(hub)
        else:
            token = tmp_path / "token"
            token.write_text(f"{TOKEN}\n")
            telemetry = Telemetry()
            door = Door(hub, token, telemetry, dict)
            application = build(Site(telemetry=telemetry, ready=lambda: (True, ""), door=door))
            server = await stack.enter_async_context(TestServer(application))
            connect = Remote(str(server.make_url("/")), token).connect
        bed = Bed(connect, hub, stack, tmp_path)
        await stack.enter_async_context(bed.engine)
        yield bed


def in_process(hub: Hub) -> Connect:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Channel]:
        ours, theirs = pipe()
        attending = asyncio.create_task(hub.attend(theirs, "the test"))
        try:
            yield ours
        finally:
            await ours.close()
            await attending

    return connect


def a_stop(container: str = "c1", task: str = "t1", service: str = "web-id") -> Action:
    return Action(
        kind=Act.REPLACE,
        service_id=service,
        service="web",
        version=1,
        replicas=1,
        previous=1,
        task=task,
        container=container,
        node="node-1",
    )


async def test_an_event_wakes_the_service(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await bed.there()
    await bed.wakes(1)
    bed.woken.clear()
    bed.engine.end("c1", exit_code=3)
    await bed.wakes(1)
    assert bed.woken[0] == "web-id"


@pytest.mark.parametrize("kind", ["health", "oom"])
async def test_health_and_want_of_memory_wake_it_too(bed: Bed, kind: str) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await until(lambda: told(bed) == 1)
    bed.woken.clear()
    if kind == "health":
        bed.engine.set_health("c1", "unhealthy")
    else:
        bed.engine.happen("c1", "oom")
    await until(lambda: told(bed) == 2)
    assert "web-id" in bed.woken


async def test_what_happened_before_the_agent_started_is_told(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1", "before-id")
    bed.engine.end("c1")
    await bed.agent()
    await bed.wakes(1)
    assert set(bed.woken) == {"before-id"}


async def test_what_happens_while_the_engines_stream_is_cut_is_told_once(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await until(lambda: bed.engine.streams == 1 and told(bed) == 1)
    newest = told(bed)
    bed.engine.cut_events()
    await until(lambda: bed.engine.streams == 0)
    for number in range(10):
        bed.engine.start_task(f"new{number}", f"t{number}")
    await until(lambda: told(bed) >= newest + 10)
    await until(lambda: bed.engine.streams == 1)
    bed.engine.set_health("new0", "healthy")
    await until(lambda: told(bed) >= newest + 11)
    assert told(bed) == newest + 11


async def test_events_that_come_twice_count_once(bed: Bed) -> None:
    bed.engine.twice = True
    await bed.agent()
    await bed.there()
    await until(lambda: bed.engine.streams == 1)
    for number in range(5):
        bed.engine.start_task(f"c{number}", f"t{number}")
    await until(lambda: told(bed) >= 5)
    bed.engine.happen("c0", "oom")
    await until(lambda: told(bed) >= 6)
    assert told(bed) == 6


async def test_a_list_shows_what_no_event_told(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await until(lambda: "c1" in running(bed))
    bed.engine._containers.pop("c1")
    bed.woken.clear()
    bed.engine.start_task("c2", "t2", "other-id")
    await until(lambda: "c2" in running(bed))
    assert {"web-id", "other-id"} <= set(bed.woken)


async def test_a_tasks_container_is_stopped_on_request(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await bed.there()
    assert bed.hub.stoppers() == {"node-1"}
    await bed.hub.stop(a_stop(), within=5)
    assert bed.engine.stopped == ["c1"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (a_stop(task="t2"), "does not run this task"),
        (a_stop(service="other-id"), "does not run this task of this service"),
    ],
)
async def test_the_agent_refuses_what_is_not_as_the_request_says(
    bed: Bed, wrong: Action, told: str
) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await bed.there()
    with pytest.raises(Permanent, match=told):
        await bed.hub.stop(wrong, within=5)
    assert bed.engine.stopped == []


async def test_the_agent_refuses_a_service_that_may_not_be_touched(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent(services=["shop_*"])
    await bed.there()
    with pytest.raises(Permanent, match="containers of web may not be stopped here"):
        await bed.hub.stop(a_stop(), within=5)
    assert bed.engine.stopped == []


async def test_only_so_many_containers_are_stopped_within_a_minute(bed: Bed) -> None:
    for number in range(4):
        bed.engine.start_task(f"c{number}", f"t{number}")
    await bed.agent(stops=2)
    await bed.there()
    await bed.hub.stop(a_stop("c0", "t0"), within=5)
    await bed.hub.stop(a_stop("c1", "t1"), within=5)
    with pytest.raises(Temporary, match="2 containers a minute"):
        await bed.hub.stop(a_stop("c2", "t2"), within=5)
    bed.clock.advance(60)
    await bed.hub.stop(a_stop("c3", "t3"), within=5)
    assert bed.engine.stopped == ["c0", "c1", "c3"]


async def test_an_agent_that_may_stop_nothing_is_not_asked(bed: Bed) -> None:
    await bed.agent(stops=0)
    await bed.there()
    assert bed.hub.stoppers() == set()
    with pytest.raises(Temporary, match="no agent of node node-1"):
        await bed.hub.stop(a_stop(), within=5)


async def test_a_container_that_is_gone_has_been_stopped(bed: Bed) -> None:
    await bed.agent()
    await bed.there()
    await bed.hub.stop(a_stop("gone"), within=5)
    assert bed.engine.stopped == []


async def test_a_stop_that_takes_too_long_has_an_unknown_outcome(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    bed.engine.stop_takes = 60
    await bed.agent()
    await bed.there()
    with pytest.raises(OutcomeUnknown):
        await bed.hub.stop(a_stop(), within=0.2)
    assert bed.engine.stopped == ["c1"]


async def test_an_engine_that_fails_to_stop_leaves_the_outcome_open(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    bed.engine.stop_status = 500
    await bed.agent()
    await bed.there()
    with pytest.raises(OutcomeUnknown):
        await bed.hub.stop(a_stop(), within=5)


async def test_an_agent_that_leaves_in_the_middle_leaves_the_outcome_open(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    bed.engine.stop_takes = 60
    end = await bed.agent()
    await bed.there()
    asked = asyncio.create_task(bed.hub.stop(a_stop(), within=30))
    await until(lambda: bed.engine.stopped == ["c1"])
    await end()
    with pytest.raises(OutcomeUnknown):
        await asked
    assert bed.hub.talking() == set()


async def test_an_agent_that_comes_back_tells_what_was_missed_and_not_the_rest(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    end = await bed.agent()
    await until(lambda: "c1" in running(bed) and told(bed) == 1)
    await end()
    await bed.there(0)
    before = told(bed)
    bed.engine.end("c1")
    bed.engine.start_task("c2", "t2")
    await bed.agent()
    await until(lambda: told(bed) >= before + 2)
    assert told(bed) == before + 2
    await until(lambda: running(bed) == {"c2"})


async def test_what_happens_while_the_controller_is_away_is_told_when_it_is_back(
    bed: Bed,
) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await until(lambda: "c1" in running(bed) and told(bed) == 1)
    before = told(bed)
    said = bed.hub.said("node-1")
    assert said is not None
    assert said.talk is not None
    await said.talk.channel.close()
    for number in range(100):
        bed.engine.start_task(f"new{number}", f"t{number}")
        bed.engine.end(f"new{number}")
    await until(lambda: told(bed) >= before + 200)
    assert told(bed) == before + 200


async def test_more_than_an_agent_keeps_shows_in_the_list(bed: Bed) -> None:
    end = await bed.agent()
    await bed.there()
    await end()
    await bed.there(0)
    for number in range(2000):
        bed.engine.start_task(f"c{number}", f"t{number}", f"s{number % 3}-id")
        if number % 2:
            bed.engine.end(f"c{number}")
    bed.woken.clear()
    await bed.agent()
    await until(lambda: len(running(bed)) == 1000)
    assert {"s0-id", "s1-id", "s2-id"} <= set(bed.woken)


async def test_of_two_agents_of_one_node_the_first_stays_and_nothing_is_asked(bed: Bed) -> None:
    bed.engine.start_task("c1", "t1")
    await bed.agent()
    await bed.there()
    said = bed.hub.said("node-1")
    assert said is not None
    first = said.hello.instance
    end = await bed.agent()
    await until(lambda: said.disputed > 0)
    assert bed.hub.stoppers() == set()
    with pytest.raises(Temporary):
        await bed.hub.stop(a_stop(), within=5)
    assert said.hello.instance == first
    assert bed.engine.stopped == []
    await end()


async def test_agents_of_two_nodes_do_not_meet(bed: Bed, tmp_path: Path) -> None:
    await bed.agent()
    async with FakeNodeEngine(tmp_path / "other.sock", node="node-2") as other:
        end = await bed.agent(host=other.host)
        await bed.there(2)
        assert bed.hub.stoppers() == {"node-1", "node-2"}
        await end()


async def test_an_engine_that_was_away_is_listened_to_again(bed: Bed) -> None:
    await bed.agent()
    await until(lambda: bed.engine.streams == 1)
    await bed.engine.stop()
    await bed.engine.start()
    await until(lambda: bed.engine.streams == 1)
    bed.engine.start_task("c1", "t1")
    await until(lambda: "c1" in running(bed))


def told(bed: Bed) -> int:
    """How many different events the hub has heard of."""
    found = [
        sample.value
        for family in bed.hub._telemetry._metrics.collect()
        for sample in family.samples
        if sample.name == "autoscaler_agent_events_total"
    ]
    return int(sum(found))


def running(bed: Bed) -> set[str]:
    said = bed.hub.said("node-1")
    return set() if said is None else set(said.containers)


def test_the_clock_of_the_tests_is_that_of_the_engine(bed: Bed) -> None:
    assert bed.clock() == NOW
