"""Stops a task's container on request, so that Swarm replaces the task.

The controller may be wrong, or not be the controller at all. So the agent looks for itself:
the container must run the very task of the very service that the request names, on this node,
the service must be one whose containers may be stopped, and not too many were stopped lately.
It only ever asks the engine to stop: a container that is restarted by the engine goes on
beside the task that Swarm starts in its place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from fnmatch import fnmatchcase

import structlog

from autoscaler.agent import containers
from autoscaler.agent.containers import TaskContainer
from autoscaler.agent.messages import Answer, Result, Stop
from autoscaler.errors import AutoscalerError, Gone, OutcomeUnknown, Permanent
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.ports import Clock

log = structlog.get_logger(__name__)

MINUTE = 60.0
MOST_REMEMBERED = 100
"""Requests whose answers are remembered: one that comes twice is not done twice."""
MOST_AT_ONCE = 4


class Stopper:
    """Stops containers, with checks of its own."""

    def __init__(
        self,
        client: EngineClient,
        node: str,
        services: Sequence[str],
        per_minute: int,
        monotonic: Clock,
    ) -> None:
        """`client` must wait for as long as a container may take to stop."""
        self._client = client
        self._node = node
        self._services = services
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._stopped: deque[float] = deque(maxlen=max(1, per_minute))
        self._answers: OrderedDict[str, asyncio.Future[Answer]] = OrderedDict()
        self._under_way = 0

    async def answer(self, request: Stop) -> Answer:
        """Do it, unless a check speaks against it; a request that comes twice is done once."""
        known = self._answers.get(request.id)
        if known is not None:
            return await asyncio.shield(known)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[request.id] = future
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        try:
            answer = await self._answer(request)
        except BaseException:
            future.cancel()
            self._answers.pop(request.id, None)
            raise
        future.set_result(answer)
        log.info(
            "stop",
            service=request.service,
            task=request.task,
            result=answer.result.value,
            reason=answer.reason,
        )
        return answer

    async def _answer(self, request: Stop) -> Answer:
        try:
            async with asyncio.timeout(request.within):
                result, reason = await self._stop(request)
        except OutcomeUnknown as error:
            result, reason = Result.UNKNOWN, str(error)
        except TimeoutError:
            result, reason = Result.UNKNOWN, f"not stopped within {request.within:g} s"
        except Permanent as error:
            result, reason = Result.REFUSED, str(error)
        except AutoscalerError as error:
            result, reason = Result.FAILED, str(error)
        return Answer(id=request.id, result=result, reason=reason[:500])

    async def _stop(self, request: Stop) -> tuple[Result, str]:
        try:
            found = await containers.inspect(self._client, request.container)
        except Gone:
            return Result.DONE, "the container is gone already"
        wrong = self._against(request, found)
        if wrong:
            return Result.REFUSED, wrong
        if not found.running:
            return Result.DONE, "the container had ended already"
        if self._under_way >= MOST_AT_ONCE or not self._draw():
            return Result.FAILED, f"{self._per_minute} containers a minute are stopped at most"
        await self._ask(found.id)
        return Result.DONE, ""

    def _against(self, request: Stop, found: TaskContainer) -> str:
        """What speaks against it, in words."""
        if (found.task, found.service) != (request.task, request.service):
            return "the container does not run this task of this service"
        if found.node != self._node:
            return "the container's task is not one of this node"
        if not any(fnmatchcase(found.service_name, name) for name in self._services):
            return f"containers of {found.service_name} may not be stopped here"
        return ""

    def _draw(self) -> bool:
        """Whether one more may be stopped within this minute."""
        now = self._monotonic()
        while self._stopped and now - self._stopped[0] >= MINUTE:
            self._stopped.popleft()
        if len(self._stopped) >= self._per_minute:
            return False
        self._stopped.append(now)
        return True

    async def _ask(self, container: str) -> None:
        """The engine gives it the time that its service says, then kills it."""
        self._under_way += 1
        try:
            api = await self._client.api()
            await self._client.post(f"containers/{container}/stop", None, api)
        finally:
            self._under_way -= 1
