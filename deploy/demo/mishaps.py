"""What befalls the service once its load has gone, and how it is seen to be well again.

A task that is killed is Swarm's to replace, and the autoscaler's to leave alone. Workers that
hang look well to Swarm: an alert tells of them, and the autoscaler restarts them. A release that
cannot start is the autoscaler's: it brings back the last one that ran well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from deploy.demo.jobs import JobQueue
from deploy.demo.stage import ALERT, Stage
from deploy.demo.swarms import IMAGE, MISSING, SERVICE
from deploy.demo.watch import Mishap, Seen

MENDED_WITHIN = 180.0
"""Seconds that it may take until all is well again."""
SHOWN_FOR = 2.0
"""Seconds for which it is shown that all is well again."""
_TASK = "com.docker.swarm.task.id"

Holds = Callable[[], Awaitable[bool]]
Until = Callable[[Holds, float], Awaitable[bool]]


async def happen(
    stage: Stage, queue: JobQueue, seen: Seen, now: Callable[[], float], until: Until
) -> None:
    """One mishap after the other; the next only once the last is mended."""
    service = Service(stage, queue)
    for mishap in (_task_killed, _workers_hang, _bad_release):
        is_mended = await mishap(service, seen, now)
        if not await until(is_mended, MENDED_WITHIN):
            return
        seen.mishaps[-1].mended = now()
        await asyncio.sleep(SHOWN_FOR)


async def _task_killed(service: Service, seen: Seen, now: Callable[[], float]) -> Holds:
    victim = next(iter(await service.tasks()), "")
    container = await service.container(victim)
    before = service.queue.workers
    seen.mishaps.append(Mishap("task killed", f"docker kill {container}", now()))
    await service.docker("kill", container)

    async def is_replaced() -> bool:
        tasks = await service.whole()
        another_asks = bool(service.queue.workers - before)
        return bool(tasks) and victim not in tasks and another_asks

    return is_replaced


async def _workers_hang(service: Service, seen: Seen, now: Callable[[], float]) -> Holds:
    before = await service.whole()
    told = f"the workers hang, and Alertmanager tells of {ALERT}"
    seen.mishaps.append(Mishap("workers hang", told, now()))
    service.queue.hang()

    async def is_restarted() -> bool:
        tasks = await service.whole()
        return bool(tasks) and not tasks & before and not service.queue.hanging

    return is_restarted


async def _bad_release(service: Service, seen: Seen, now: Callable[[], float]) -> Holds:
    update = ("service", "update", "--detach", "--no-resolve-image", "--image", MISSING, SERVICE)
    seen.mishaps.append(Mishap("bad release", f"docker {' '.join(update)}", now()))
    await service.docker(*update)

    async def is_taken_back() -> bool:
        return await service.image() == IMAGE and bool(await service.whole())

    return is_taken_back


class Service:
    """The sample service, as its user sees it by the command line."""

    def __init__(self, stage: Stage, queue: JobQueue) -> None:
        self._swarm = stage.swarm
        self.queue = queue

    async def docker(self, *arguments: str) -> str:
        """Run the command line client."""
        return await asyncio.to_thread(self._swarm.docker, *arguments)

    async def tasks(self) -> dict[str, str]:
        """The states of the tasks that shall run, by id."""
        listed = ("service", "ps", "--no-trunc", "--filter=desired-state=running")
        told = await self.docker(*listed, "--format={{.ID}} {{.CurrentState}}", SERVICE)
        return {line.split()[0]: line.split()[1] for line in told.splitlines()}

    async def container(self, task: str) -> str:
        """The id of the container of a task."""
        return await self.docker("ps", "--quiet", f"--filter=label={_TASK}={task}")

    async def whole(self) -> set[str]:
        """Ids of its tasks, if all replicas run and no update is under way; else none."""
        update = "{{with .UpdateStatus}}{{.State}}{{end}}"
        told = await self._asked("{{.Spec.Mode.Replicated.Replicas}} " + update)
        replicas, _, state = told.partition(" ")
        tasks = await self.tasks()
        all_run = list(tasks.values()) == ["Running"] * int(replicas)
        return set(tasks) if all_run and state in ("", "completed") else set()

    async def image(self) -> str:
        """The image that its template names."""
        return await self._asked("{{.Spec.TaskTemplate.ContainerSpec.Image}}")

    async def _asked(self, template: str) -> str:
        return await self.docker("service", "inspect", f"--format={template}", SERVICE)
