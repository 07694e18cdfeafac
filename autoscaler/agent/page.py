"""What an agent shows of its node to Prometheus, so that a cluster needs no other exporter.

Series are bounded: by the containers that are measured, and by the services that are counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.agent.containers import TaskContainer
from autoscaler.agent.gate import MOST_BODY, Gate
from autoscaler.agent.measuring import Measuring
from autoscaler.agent.messages import Kind
from autoscaler.agent.node import LocalNode

_TASK = ("service", "task", "node")
_HEALTH = ("healthy", "unhealthy", "starting")


class NodeSeries(Collector):
    """The node's tasks, as they are when somebody asks."""

    def __init__(self, node: LocalNode, measuring: Measuring, hostname: str) -> None:
        self._node = node
        self._measuring = measuring
        self._hostname = hostname

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        cpu = CounterMetricFamily(
            "autoscaler_task_cpu_seconds", "Processor time used since its start.", labels=_TASK
        )
        memory = GaugeMetricFamily(
            "autoscaler_task_memory_bytes",
            "Memory in use, without file pages that could be dropped.",
            labels=_TASK,
        )
        for one, reading in self._measuring.readings():
            cpu.add_metric(self._labels(one), reading.cpu)
            if reading.memory is not None:
                memory.add_metric(self._labels(one), reading.memory)
        yield from (cpu, memory, self._healths(), *self._counts())

    def _labels(self, one: TaskContainer) -> tuple[str, str, str]:
        return one.service_name, one.task_name, self._hostname

    def _healths(self) -> Metric:
        family = GaugeMetricFamily(
            "autoscaler_task_health",
            "1 for what the task's health check says.",
            labels=(*_TASK, "state"),
        )
        for one in self._node.running.values():
            if one.health:
                for state in _HEALTH:
                    family.add_metric((*self._labels(one), state), float(state == one.health))
        return family

    def _counts(self) -> Iterator[Metric]:
        """Since the agent started."""
        node = self._hostname
        ends = CounterMetricFamily(
            "autoscaler_task_exits",
            "Containers of a service that ended here.",
            labels=("service", "node", "exit_code"),
        )
        ooms = CounterMetricFamily(
            "autoscaler_task_oom",
            "Times that memory ran out in a service's containers.",
            labels=("service", "node"),
        )
        restarts = CounterMetricFamily(
            "autoscaler_task_restarts",
            "Containers of a service that somebody had the engine restart.",
            labels=("service", "node"),
        )
        for (kind, service, how), count in self._node.tally.copy().items():
            if kind == Kind.DIE:
                ends.add_metric((service, node, how), count)
            else:
                family = ooms if kind == Kind.OOM else restarts
                family.add_metric((service, node), count)
        yield from (ends, ooms, restarts)


def application(
    node: LocalNode, measuring: Measuring, hostname: str, gate: Gate | None = None
) -> web.Application:
    """`/metrics` and `/healthz`, and the gate if there is one."""
    registry = CollectorRegistry()
    registry.register(NodeSeries(node, measuring, hostname))
    ProcessCollector(registry=registry)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def alive(_request: web.Request) -> web.Response:
        told = "watching" if node.listed else "the engine has not answered yet"
        return web.Response(status=200 if node.listed else 503, text=f"{told}\n")

    made = web.Application(client_max_size=MOST_BODY if gate else 1024)
    made.add_routes([web.get("/metrics", metrics), web.get("/healthz", alive)])
    if gate is not None:
        made.add_routes(gate.routes())
    return made
