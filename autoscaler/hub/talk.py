"""One conversation with an agent, and what the agents of one node have said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.agent.channel import Channel, Closed
from autoscaler.agent.messages import Answer, Hello, Result, Stop, encode
from autoscaler.errors import OutcomeUnknown, Permanent, Temporary
from autoscaler.orchestrators.swarm.event import Recent

_REMEMBERED = 4096
"""Events of a node that are remembered to drop doubles."""


@dataclass(slots=True)
class Talk:
    """A conversation that goes on."""

    channel: Channel
    hello: Hello
    spare: bool
    faults: int = 0
    """Messages that were not understood."""
    _pending: dict[str, asyncio.Future[Answer]] = field(default_factory=dict)

    async def ask(self, request: Stop) -> None:
        """Have something done.

        Raises Temporary when it was not, Permanent when the agent refuses, and OutcomeUnknown
        when no answer came in time.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[request.id] = future
        try:
            async with asyncio.timeout(request.within):
                await self.channel.send(encode(request))
                answer = await future
        except (Closed, TimeoutError) as error:
            told = str(error) or f"within {request.within:g} s"
            raise OutcomeUnknown(f"the agent did not answer: {told}") from error
        finally:
            self._pending.pop(request.id, None)
        _judge(answer)

    def hear(self, answer: Answer) -> None:
        """Take an answer in; one that nobody waits for is passed over."""
        future = self._pending.get(answer.id)
        if future is not None and not future.done():
            future.set_result(answer)

    def end(self) -> None:
        """No more answers will come."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(OutcomeUnknown("the agent left before it answered"))


@dataclass(slots=True)
class Said:
    """What one node's agents have said, also earlier ones."""

    hello: Hello
    recent: Recent = field(default_factory=lambda: Recent(_REMEMBERED))
    newest: int = 0
    """The time of its newest event, in nanoseconds since 1970."""
    containers: Mapping[str, str] = field(default_factory=dict)
    """The service of each container that runs, by container id."""
    heard: float = 0.0
    """When it last said anything, in Unix seconds."""
    disputed: float = float("-inf")
    """When a second agent last claimed the node."""
    talk: Talk | None = None


def _judge(answer: Answer) -> None:
    """Raises what an answer means, unless it was done."""
    told = f"the agent answers {answer.result}: {answer.reason}"
    if answer.result is Result.REFUSED:
        raise Permanent(told)
    if answer.result is Result.FAILED:
        raise Temporary(told)
    if answer.result is Result.UNKNOWN:
        raise OutcomeUnknown(told)
