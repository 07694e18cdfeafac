"""What a task's use is a share of: its limit, its reservation, one core or the node. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.errors import Permanent
from autoscaler.model import Service
from autoscaler.sources.docker.options import Options


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    cpu: float
    """Cores."""
    memory: float
    """Bytes."""


def base(options: Options, service: Service, node: Size | None) -> float:
    """Cores or bytes that `utilization` is a share of.

    Raises Permanent, with the way out, when the service does not state what is asked for.
    `node` must be known for `of: node`.
    """
    if options.of == "node" and node is not None:
        return node.cpu if options.query == "cpu" else node.memory
    if options.of == "core":
        return 1.0
    stated = {
        "limit": _part(options, service.limits.nano_cpus, service.limits.memory_bytes),
        "reservation": _part(
            options, service.reservations.nano_cpus, service.reservations.memory_bytes
        ),
    }
    chosen = stated.values() if options.of is None else [stated.get(options.of, 0.0)]
    return next(filter(None, chosen), 0.0) or _otherwise(options)


def _part(options: Options, nano_cpus: int, memory_bytes: int) -> float:
    return nano_cpus / 1e9 if options.query == "cpu" else float(memory_bytes)


def _otherwise(options: Options) -> float:
    if options.query == "cpu" and options.of is None:
        return 1.0
    name = "CPU" if options.query == "cpu" else "memory"
    missing = options.of or "limit or reservation"
    other = "of: core" if options.query == "cpu" else "of: node"
    raise Permanent(
        f"the service has no {name} {missing}: state one under deploy.resources, or `{other}`"
    )
