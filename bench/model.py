"""The engine model and a page of Prometheus' API, in a process of their own: a large Swarm.

    python -m bench.model SERVICES TASKS FILE

Writes to FILE where it is to be found, and serves until it is killed. Services are as in
`fleet.py`, each with as many tasks. A write is followed by the tasks that it asks for, which run
at once. At each question the load of one service in a hundred, others each time, asks for
two replicas more.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.objects import RUNNING, EngineService
from bench import fleet

PER_NODE = 100
"""Tasks on a node."""
MOVING = 100
"""Of so many services one needs more replicas at each question."""
MORE = 2
"""Replicas more: one in ten would be within the tolerance."""
EACH = 100.0
"""The load that a replica shall carry."""


class Model(FakeSwarm):
    """A Swarm in which what is written runs at once, and nothing else moves."""

    def __init__(self) -> None:
        super().__init__(time.time, stepped=True)
        self._reader = self.cluster.journal.open(None)

    def fill(self, services: int, tasks: int) -> None:
        """So many services, with so many tasks in all."""
        for number in range(1, tasks // PER_NODE):
            self.add_node(f"node{number + 1}", nano_cpus=1024 * 10**9, memory=4096 * 2**30)
        self._nodes = [*self.cluster.nodes]
        for known in fleet.services(services):
            raw = fleet.raw_service(known)["Spec"]
            more = {"Labels": raw["Labels"], "TaskTemplate": raw["TaskTemplate"]}
            self._run(self.create(known.name, tasks // services, **more))

    def _written(self) -> None:
        """What was written since the last time."""
        while not self._reader.empty():
            event = self._reader.get_nowait()
            if event is not None and event["Action"] == "update":
                self._run(self.cluster.services[event["Actor"]["ID"]])

    def _run(self, service: EngineService) -> None:
        """Only ever more: nothing here asks for fewer."""
        there = sum(1 for _ in self.cluster.tasks_of(service.id))
        for slot in range(there + 1, service.replicas + 1):
            node = self._nodes[(service.index + slot) % len(self._nodes)]
            task = self.cluster.new_task(service, slot, node)
            task.container = f"{task.id:0>64}"
            self.cluster.set_state(task, RUNNING, "started")


class Metrics:
    """What Prometheus would say of the services' loads, in the form of its API."""

    def __init__(self, swarm: Model) -> None:
        self._loads = {s.name: EACH * s.replicas for s in swarm.cluster.services.values()}
        self._moving = self._turns()
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Any query: a value for each service, and its age where that is asked."""
        self.asked += 1
        for _ in range(max(1, len(self._loads) // MOVING)):
            self._loads[next(self._moving)] += MORE * EACH
        now = round(time.time(), 3)
        result = [_series(now, value, service=name) for name, value in self._loads.items()]
        if "__measured__" in request.query["query"]:
            result += [_series(now, now, service=name, __measured__="1") for name in self._loads]
        data = {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})

    def _turns(self) -> Iterator[str]:
        while True:
            yield from [*self._loads]


def _series(now: float, value: float, **labels: str) -> dict[str, object]:
    return {"metric": labels, "value": [now, str(value)]}


async def serve(services: int, tasks: int, file: Path) -> None:
    """For ever."""
    async with Model() as swarm:
        swarm.fill(services, tasks)
        metrics = Metrics(swarm)

        async def requests(_: web.Request) -> web.Response:
            """How much was asked of the engine since the last time, by path."""
            found = [f"{each.method} {_kind(each.path)}" for each in swarm.requests]
            swarm.forget_requests()
            return web.json_response(found)

        application = web.Application()
        application.router.add_get("/api/v1/query", metrics.answer)
        application.router.add_get("/requests", requests)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found = {"host": swarm.host, "prometheus": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(found))
        draft.rename(file)
        await asyncio.Event().wait()


def _kind(path: str) -> str:
    """`/services/x/update` is one kind, whatever the service."""
    parts = path.strip("/").split("/")
    return "/".join([parts[0], *("..." if n == 1 else part for n, part in enumerate(parts) if n)])


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
