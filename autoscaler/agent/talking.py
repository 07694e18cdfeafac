"""An agent's side of a conversation: say hello, tell what happens, do what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from autoscaler.agent.channel import Channel, Closed
from autoscaler.agent.messages import (
    Answer,
    Beat,
    Goodbye,
    Hello,
    Refused,
    Result,
    Stop,
    Welcome,
    encode,
    from_controller,
)
from autoscaler.agent.node import LocalNode
from autoscaler.agent.outbox import Outbox

log = structlog.get_logger(__name__)

WELCOME_WITHIN = 10.0
BEAT_EVERY = 5.0
"""Seconds between two signs of life."""
MOST_REQUESTS = 16
"""Requests that are worked on at a time; more are answered with a failure."""


@dataclass(frozen=True, slots=True)
class Talker:
    """Holds conversations about a node, one after the other or several at once."""

    node: LocalNode
    hello: Hello
    stop: Callable[[Stop], Awaitable[Answer]]

    async def talk(self, channel: Channel) -> None:
        """One conversation, until it ends. Raises Closed, or Refused for words not understood."""
        await channel.send(encode(self.hello))
        async with asyncio.timeout(WELCOME_WITHIN):
            first = from_controller(await channel.receive())
        if isinstance(first, Goodbye):
            raise Closed(f"the controller refuses: {first.reason}")
        if not isinstance(first, Welcome):
            raise Refused("unknown", f"{first.type} instead of a welcome")
        log.info("controller found", node=self.hello.node)
        with self.node.listener(first.since) as outbox:
            await _first_to_end(_send(channel, outbox), self._hear(channel, outbox), _beat(outbox))

    async def _hear(self, channel: Channel, outbox: Outbox) -> None:
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                try:
                    message = from_controller(await channel.receive())
                except Refused as error:
                    log.warning("message refused", reason=str(error))
                    continue
                if isinstance(message, Goodbye):
                    raise Closed(f"the controller refuses: {message.reason}")
                if isinstance(message, Stop):
                    self._take(message, outbox, under_way)
        finally:
            # What the engine was asked to do goes on; nobody waits for its answer any more.
            for task in under_way:
                task.cancel()

    def _take(self, request: Stop, outbox: Outbox, under_way: set[asyncio.Task[None]]) -> None:
        if len(under_way) >= MOST_REQUESTS:
            told = "too many requests at once"
            outbox.put(Answer(id=request.id, result=Result.FAILED, reason=told))
            return
        task = asyncio.create_task(self._do(request, outbox), name=f"stop {request.task}")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _do(self, request: Stop, outbox: Outbox) -> None:
        outbox.put(await self.stop(request))


async def _send(channel: Channel, outbox: Outbox) -> None:
    while True:
        await channel.send(encode(await outbox.get()))


async def _beat(outbox: Outbox) -> None:
    while True:
        await asyncio.sleep(BEAT_EVERY)
        outbox.put(Beat())


async def _first_to_end(*work: Awaitable[None]) -> None:
    """Run all of it until one ends; then end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
