"""`autoscaler agent`: the parts of an agent, put together."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from autoscaler.agent import page, reach
from autoscaler.agent.containers import Node
from autoscaler.agent.gate import Gate
from autoscaler.agent.link import Backoff, Connect, Remote, keep_talking
from autoscaler.agent.measuring import Measuring
from autoscaler.agent.messages import Hello
from autoscaler.agent.node import LocalNode
from autoscaler.agent.stopping import Stopper
from autoscaler.agent.talking import Talker
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.ports import Clock
from autoscaler.settings import Agent, Settings
from autoscaler.web.server import serve

LONGEST_STOP = 300.0
"""Seconds that the engine may take to stop a container."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of."""

    settings: Agent
    node: LocalNode
    identity: Node
    stopper: Stopper

    def talker(self) -> Talker:
        """One end of a conversation about the node."""
        hello = Hello(
            node=self.identity.id,
            hostname=self.identity.hostname[:500],
            instance=uuid.uuid4().hex,
            release=version("autoscaler"),
            verbs=("stop",) if self.settings.stops else (),
        )
        return Talker(self.node, hello, self.stopper.answer)


@asynccontextmanager
async def build(
    settings: Agent, clock: Clock = time.time, monotonic: Clock = time.monotonic
) -> AsyncIterator[Parts]:
    """An agent, as soon as the engine tells which node it is of."""
    async with AsyncExitStack() as stack:
        node = LocalNode(settings, clock)
        stack.push_async_callback(node.close)
        identity = await node.identity()
        client = EngineClient(reach.api(settings, LONGEST_STOP))
        stack.push_async_callback(client.close)
        stopper = Stopper(client, identity.id, settings.services, settings.stops, monotonic)
        yield Parts(settings, node, identity, stopper)


async def inside(settings: Agent, connect: Connect) -> None:
    """An agent within the controller, for the node whose engine the controller is given."""
    async with build(settings) as parts, asyncio.TaskGroup() as group:
        group.create_task(parts.node.run(), name="agent's node")
        # The hub tells who comes and goes; here nothing can be in the way of a conversation.
        talk = keep_talking(connect, parts.talker().talk, Backoff(), tell=lambda reason: None)
        group.create_task(talk, name="agent")


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """An agent of its own, until `stop` is set; without a controller it only serves metrics."""
    async with AsyncExitStack() as stack:
        parts = await _built(stack, settings.agent, stop)
        if parts is None:
            return
        measuring = Measuring(parts.node, settings.agent, time.monotonic)
        stack.push_async_callback(measuring.close)
        door = gate(settings.agent, stack) if settings.agent.gate else None
        application = page.application(parts.node, measuring, parts.identity.hostname, door)
        await stack.enter_async_context(serve(application, *settings.address))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            group.create_task(parts.node.run(), name="node"),
            group.create_task(measuring.run(), name="statistics"),
        ]
        remote = _controller(settings)
        if remote is not None:
            talk = keep_talking(remote.connect, parts.talker().talk, Backoff())
            tasks.append(group.create_task(talk, name="conversation"))
        await stop.wait()
        for task in tasks:
            task.cancel()


def _controller(settings: Settings) -> Remote | None:
    if settings.controller is None:
        return None
    return Remote(settings.controller, settings.agents.token_file, settings.agent.controller_ca)


def gate(settings: Agent, stack: AsyncExitStack) -> Gate:
    """The gate of a manager's agent, which closes with the stack."""
    made = Gate(settings, reach.api(settings), time.monotonic)
    stack.push_async_callback(made.close)
    return made


async def _built(stack: AsyncExitStack, settings: Agent, stop: asyncio.Event) -> Parts | None:
    """The parts; None when told to stop before the engine answers."""
    building = asyncio.ensure_future(stack.enter_async_context(build(settings)))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((building, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not building.done():
        building.cancel()
        await asyncio.gather(building, return_exceptions=True)
        return None
    return building.result()
