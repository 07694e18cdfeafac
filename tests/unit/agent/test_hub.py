"""The hub takes what agents say for hints, and survives everything that is said to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from autoscaler.agent import messages
from autoscaler.agent.channel import Channel, Closed, pipe
from autoscaler.agent.messages import Events, Happened, Hello, Kind, Statistics, Used, Welcome
from autoscaler.coverage import coverage
from autoscaler.hub import Hub
from autoscaler.hub import hub as hub_module
from autoscaler.model import Node, NodeState, NodeUsage
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock
from autoscaler.web import Door, Site, build

TOKEN = "a token of the tests"
STREAM = "/agents/stream"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
Client = TestClient[Request, Application]


def hello(node: str = "n1", instance: str = "i1", **more: object) -> str:
    given = {"node": node, "hostname": f"host-{node}", "instance": instance, "release": "1"}
    return messages.encode(Hello.model_validate({**given, "verbs": ("stop",), **more}))


def died(container: str = "c1", at: int = 1, service: str = "web-id") -> Happened:
    return Happened(kind=Kind.DIE, container=container, task="t1", service=service, at=at)


class Agent:
    """An agent that says what the test says."""

    def __init__(self, hub: Hub, *, spare: bool = False) -> None:
        self.channel, theirs = pipe()
        self.attending = asyncio.create_task(hub.attend(theirs, "peer", spare=spare))

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.channel.send(text)

    async def hear(self) -> messages.FromController:
        async with asyncio.timeout(120):
            return messages.from_controller(await self.channel.receive())

    async def greet(self, **words: object) -> messages.FromController:
        await self.say(hello(**words))  # type: ignore[arg-type]
        return await self.hear()

    async def settle(self) -> None:
        """Until everything that was said has been taken in."""
        for _ in range(20):
            await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hub(telemetry: Telemetry, clock: ManualClock) -> Hub:
    return Hub(telemetry, clock)


@pytest.fixture
def woken(hub: Hub) -> list[str]:
    found: list[str] = []
    hub.wake = found.append
    return found


def refusals(telemetry: Telemetry) -> dict[str, float]:
    lines = telemetry.render().decode().splitlines()
    start = "autoscaler_agent_refusals_total{"
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines if line.startswith(start)}


async def test_doubled_and_reordered_events_wake_once_each(hub: Hub, woken: list[str]) -> None:
    agent = Agent(hub)
    assert await agent.greet() == Welcome(since=0)
    events = tuple(died(f"c{n}", at=n, service=f"s{n}") for n in (3, 1, 2, 1, 3, 2))
    await agent.say(messages.encode(Events(events=events)), messages.encode(Events(events=events)))
    await agent.settle()
    assert sorted(woken) == ["s1", "s2", "s3"]
    await agent.channel.close()
    await agent.attending
    again = Agent(hub)
    assert await again.greet(instance="i2") == Welcome(since=3)


async def test_a_time_that_has_not_come_yet_hides_nothing(hub: Hub, clock: ManualClock) -> None:
    agent = Agent(hub)
    await agent.greet()
    early = died("c1", at=int((clock() + 3600) * 1e9), service="s1")
    await agent.say(messages.encode(Events(events=(early,))))
    await agent.settle()
    await agent.channel.close()
    await agent.attending
    again = Agent(hub)
    assert await again.greet(instance="i2") == Welcome(since=int(clock() * 1e9))


async def test_the_service_of_a_container_that_ended_is_looked_at_again_later(
    hub: Hub, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SHOWN_AFTER", 0.01)
    agent = Agent(hub)
    await agent.greet()
    await agent.say(messages.encode(Events(events=tuple(died(at=n) for n in range(5)))))
    await until(lambda: len(woken) == 6)
    assert woken == ["web-id"] * 6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "malformed"),
        ('{"v": 1, "type": "order"}', "unknown"),
        (hello(v=1).replace('"v":1', '"v":9'), "version"),
        ('{"v":1,"type":"beat"}' + " " * messages.LONGEST, "oversize"),
    ],
)
async def test_what_is_not_understood_is_counted_and_the_conversation_goes_on(
    hub: Hub, telemetry: Telemetry, woken: list[str], text: str, reason: str
) -> None:
    agent = Agent(hub)
    await agent.greet()
    await agent.say(text, messages.encode(Events(events=(died(),))))
    await agent.settle()
    assert woken == ["web-id"]
    assert refusals(telemetry) == {reason: 1.0}


async def test_who_says_nothing_but_nonsense_is_sent_away(hub: Hub, telemetry: Telemetry) -> None:
    agent = Agent(hub)
    await agent.greet()
    for _ in range(20):
        await agent.say("nonsense")
    await agent.attending
    assert refusals(telemetry) == {"malformed": 20.0}
    assert hub.talking() == set()


@pytest.mark.parametrize("first", ["nonsense", messages.encode(messages.Beat())])
async def test_who_does_not_say_hello_is_sent_away(hub: Hub, first: str) -> None:
    agent = Agent(hub)
    await agent.say(first)
    assert (await agent.hear()).type == "goodbye"
    await agent.attending


async def test_who_falls_silent_is_gone_and_nothing_is_woken(
    telemetry: Telemetry, clock: ManualClock, woken: list[str]
) -> None:
    hub = Hub(telemetry, clock, silent_after=0.05)
    hub.wake = woken.append
    agent = Agent(hub)
    await agent.greet()
    assert hub.talking() == {"n1"}
    await agent.attending
    assert (hub.talking(), hub.stoppers(), woken) == (set(), set(), [])


async def test_a_second_agent_is_refused_and_nothing_is_asked_for_a_minute(
    hub: Hub, clock: ManualClock
) -> None:
    first, second = Agent(hub), Agent(hub)
    await first.greet()
    assert (await second.greet(instance="i2")).type == "goodbye"
    assert (hub.talking(), hub.stoppers()) == ({"n1"}, set())
    clock.advance(59.9)
    assert hub.stoppers() == set()
    clock.advance(0.2)
    assert hub.stoppers() == {"n1"}
    await first.channel.close()


async def test_the_same_agent_again_takes_the_place_of_its_old_connection(hub: Hub) -> None:
    first, second = Agent(hub), Agent(hub)
    await first.greet()
    assert (await second.greet()).type == "welcome"
    await first.attending
    assert hub.stoppers() == {"n1"}
    await second.channel.close()


async def test_a_spare_agent_gives_way_and_does_not_dispute(hub: Hub, telemetry: Telemetry) -> None:
    spare, real, again = Agent(hub, spare=True), Agent(hub), Agent(hub, spare=True)
    await spare.greet(instance="spare")
    assert (await real.greet()).type == "welcome"
    await spare.attending
    assert (await again.greet(instance="spare")).type == "goodbye"
    assert hub.stoppers() == {"n1"}
    assert refusals(telemetry) == {}
    await real.channel.close()


async def test_only_so_many_agents_are_taken(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_AGENTS", 2)
    agents = [Agent(hub) for _ in range(3)]
    answers = [(await agent.greet(node=f"n{n}")).type for n, agent in enumerate(agents)]
    assert answers == ["welcome", "welcome", "goodbye"]
    await agents[0].channel.close()
    await agents[0].attending
    late = Agent(hub)
    assert (await late.greet(node="n9")).type == "welcome"


async def test_an_answer_that_nobody_asked_for_is_passed_over(hub: Hub) -> None:
    agent = Agent(hub)
    await agent.greet()
    unasked = messages.Answer(id="r", result=messages.Result.DONE)
    await agent.say(messages.encode(unasked))
    await agent.settle()
    assert hub.talking() == {"n1"}


async def test_statistics_are_passed_on(hub: Hub) -> None:
    heard: list[NodeUsage] = []
    hub.hear.append(heard.append)
    agent = Agent(hub)
    await agent.greet()
    used = (Used(task="t1", service="web-id", at=5.0, cpu=7.0, memory=9.0),)
    await agent.say(messages.encode(Statistics(cores=4, memory=100, used=used)))
    await agent.settle()
    (usage,) = heard
    assert (usage.node_id, usage.cores, usage.tasks[0].cpu) == ("n1", 4.0, 7.0)


async def test_it_is_told_which_nodes_have_no_agent_and_what_is_not_seen_there(hub: Hub) -> None:
    nodes = {
        "n1": Node(id="n1", hostname="one"),
        "n2": Node(id="n2", hostname="two"),
        "n3": Node(id="n3", hostname="three", state=NodeState.DOWN),
    }
    agent = Agent(hub)
    await agent.greet()
    found = coverage(hub, nodes, 0.0)
    assert [node["agent"] for node in found["nodes"]] == [True, False]
    assert found["told"].startswith("1 of 2 nodes have an agent; not seen on two: container exits")
    assert coverage(hub, {"n1": nodes["n1"]}, 0.0)["told"] == "every node has an agent"
    await agent.channel.close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


def write(token: Path, text: str) -> None:
    token.write_text(text)


@pytest.fixture
async def client(hub: Hub, telemetry: Telemetry, token: Path) -> AsyncIterator[Client]:
    door = Door(hub, token, telemetry, lambda: {"nodes": []})
    async with TestClient(
        TestServer(build(Site(telemetry=telemetry, ready=lambda: (True, ""), door=door)))
    ) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer another token"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN} x"},
    ],
)
async def test_without_the_token_nobody_comes_in(
    client: Client, telemetry: Telemetry, headers: dict[str, str]
) -> None:
    answer = await client.get(STREAM, headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.ws_connect(STREAM, headers=headers)
    assert refusals(telemetry) == {"token": 2.0}


async def test_the_token_file_is_read_anew_so_that_tokens_can_be_rotated(
    client: Client, token: Path
) -> None:
    write(token, f"the new token of the tests\n{TOKEN}\n")
    async with client.ws_connect(STREAM, headers=SHOWN) as old:
        await old.send_str(hello())
        assert json.loads(await old.receive_str())["type"] == "welcome"
    write(token, "the new token of the tests\n")
    assert (await client.get(STREAM, headers=SHOWN)).status == 401


async def test_without_a_token_the_stream_is_not_there(client: Client, token: Path) -> None:
    write(token, "")
    assert (await client.get(STREAM, headers=SHOWN)).status == 404


@pytest.mark.parametrize("binary", [True, False])
async def test_a_message_above_the_bound_or_in_bytes_harms_nobody(
    client: Client, hub: Hub, telemetry: Telemetry, binary: bool
) -> None:
    async with client.ws_connect(STREAM, headers=SHOWN) as socket:
        await socket.send_str(hello())
        await socket.receive_str()
        if binary:
            await socket.send_bytes(b"{}")
        else:
            await socket.send_str("x" * (messages.LONGEST + 1))
        await until(lambda: bool(refusals(telemetry)))
    assert refusals(telemetry).keys() == {"malformed" if binary else "oversize"}
    async with client.ws_connect(STREAM, headers=SHOWN) as socket:
        await socket.send_str(hello(instance="i2"))
        assert json.loads(await socket.receive_str())["type"] in {"welcome", "goodbye"}


async def test_a_channel_within_the_process_ends_for_both() -> None:
    one, other = pipe()
    await one.send("last words")
    await one.close()
    assert await other.receive() == "last words"
    for end in (one, other):
        with pytest.raises(Closed):
            await _receive(end)
        with pytest.raises(Closed):
            await end.send("more")


async def _receive(channel: Channel) -> str:
    async with asyncio.timeout(120):
        return await channel.receive()
