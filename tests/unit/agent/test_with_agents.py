"""A task is replaced only if it is still the one that was decided on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.agent import messages
from autoscaler.agent.channel import Channel, pipe
from autoscaler.agent.messages import Answer, Events, Happened, Hello, Kind, Result, Stop
from autoscaler.errors import Conflict, OutcomeUnknown, Permanent, Temporary
from autoscaler.healing import causes
from autoscaler.hub import Hub
from autoscaler.model import Act, Action, Rollout, TaskState
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import a_service
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.memory_swarm import MemorySwarm
from autoscaler.with_agents import WithAgents


class Stopping:
    """An agent of node1 that answers each request as the test says."""

    def __init__(self, hub: Hub) -> None:
        self.channel, self._theirs = pipe()
        self.asked: list[Stop] = []
        self.result: Result | None = Result.DONE
        self._work = [asyncio.ensure_future(hub.attend(self._theirs, "peer"))]

    async def start(self) -> None:
        hello = Hello(node="node1", hostname="one", instance="i", release="1", verbs=("stop",))
        await self.channel.send(messages.encode(hello))
        await self.channel.receive()
        self._work.append(asyncio.ensure_future(self._answer(self.channel)))

    async def stop(self) -> None:
        await self.channel.close()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _answer(self, channel: Channel) -> None:
        while True:
            request = messages.from_controller(await channel.receive())
            assert isinstance(request, Stop)
            self.asked.append(request)
            if self.result is not None:
                answer = Answer(id=request.id, result=self.result, reason="because")
                await channel.send(messages.encode(answer))


@pytest.fixture
def hub() -> Hub:
    return Hub(Telemetry(), ManualClock())


@pytest.fixture
async def agent(hub: Hub) -> AsyncIterator[Stopping]:
    agent = Stopping(hub)
    await agent.start()
    yield agent
    await agent.stop()


@pytest.fixture
def swarm() -> MemorySwarm:
    swarm = MemorySwarm(ManualClock(), a_service(2))
    swarm.tasks["web-id"] = tuple(
        replace(task, container_id=f"c-{task.slot}") for task in swarm.tasks["web-id"]
    )
    return swarm


ACTION = Action(
    kind=Act.REPLACE,
    service_id="web-id",
    service="web",
    version=7,
    replicas=2,
    previous=2,
    task="web-id.2",
    container="c-2",
    node="node1",
)


async def test_the_agent_is_asked_to_stop_just_that_container(
    hub: Hub, agent: Stopping, swarm: MemorySwarm
) -> None:
    after = await WithAgents(swarm, hub, within=5).apply(ACTION)
    assert after.version == 7
    (request,) = agent.asked
    assert (request.service, request.task, request.container) == ("web-id", "web-id.2", "c-2")
    assert request.within == 5
    assert swarm.applied == []


async def test_a_container_that_never_got_healthy_is_stopped_too(
    hub: Hub, agent: Stopping, swarm: MemorySwarm
) -> None:
    first, second = swarm.tasks["web-id"]
    swarm.tasks["web-id"] = (first, replace(second, state=TaskState.STARTING))
    await WithAgents(swarm, hub, within=5).apply(ACTION)
    assert [request.container for request in agent.asked] == ["c-2"]


@pytest.mark.parametrize(
    ("service", "task"),
    [
        ({"version": 8}, {}),
        ({"rollout": Rollout.UPDATING}, {}),
        ({}, {"state": TaskState.FAILED}),
        ({}, {"desired": TaskState.SHUTDOWN}),
        ({}, {"node_ready": False}),
        ({}, {"container_id": "c-3"}),
        ({}, {"node_id": "node2"}),
        ({}, {"id": "another"}),
    ],
)
async def test_nothing_is_asked_where_something_happened_since(
    hub: Hub,
    agent: Stopping,
    swarm: MemorySwarm,
    service: dict[str, Any],
    task: dict[str, Any],
) -> None:
    swarm.services["web-id"] = replace(swarm.services["web-id"], **service)
    first, second = swarm.tasks["web-id"]
    swarm.tasks["web-id"] = (first, replace(second, **task))
    with pytest.raises(Conflict):
        await WithAgents(swarm, hub, within=5).apply(ACTION)
    assert agent.asked == []


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (Result.REFUSED, Permanent),
        (Result.FAILED, Temporary),
        (Result.UNKNOWN, OutcomeUnknown),
        (None, OutcomeUnknown),
    ],
)
async def test_what_the_agent_answers_is_how_the_action_ended(
    hub: Hub, agent: Stopping, swarm: MemorySwarm, result: Result | None, error: type[Exception]
) -> None:
    agent.result = result
    with pytest.raises(error):
        await WithAgents(swarm, hub, within=0.1).apply(ACTION)
    assert len(agent.asked) == 1


async def test_tasks_that_ran_out_of_memory_are_marked(
    hub: Hub, agent: Stopping, swarm: MemorySwarm
) -> None:
    wrapped = WithAgents(swarm, hub, within=5)
    assert not any(task.oom for task in (await wrapped.inspect("web-id"))[1])
    event = Happened(kind=Kind.OOM, container="c-2", task="web-id.2", service="web-id", at=1)
    await agent.channel.send(messages.encode(Events(events=(event,))))
    async with asyncio.timeout(120):
        while "web-id" not in hub.out_of_memory:  # noqa: ASYNC110
            await asyncio.sleep(0)
    expected = [False, True]
    assert [task.oom for task in (await wrapped.inspect("web-id"))[1]] == expected
    assert [task.oom for task in (await wrapped.snapshot()).tasks["web-id"]] == expected
    assert causes.ending((await wrapped.inspect("web-id"))[1][1]) == "out of memory"


async def test_everything_else_goes_to_the_orchestrator(
    hub: Hub, agent: Stopping, swarm: MemorySwarm
) -> None:
    wrapped = WithAgents(swarm, hub, within=5)
    assert (await wrapped.snapshot()).services == swarm.services
    scale = replace(ACTION, kind=Act.SCALE, replicas=5, task="", container="", node="")
    assert (await wrapped.apply(scale)).replicas == 5
    assert agent.asked == []
