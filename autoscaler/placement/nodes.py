"""What nodes have left for a service."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from autoscaler.model import Fleet, Host, Node, NodeState, Service, Task
from autoscaler.placement.constraints import unmet
from autoscaler.placement.standing import Limit, live, owed

MOST_NAMES = 3
"""Nodes that a reason names one by one."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """What tasks reserve, by node id."""

    nano_cpus: Mapping[str, int]
    memory_bytes: Mapping[str, int]


class Free(NamedTuple):
    """So many more fit on a node, because of that."""

    tasks: int
    cause: str


class Refusal(NamedTuple):
    """Why a node takes no task, of one node and of several."""

    one: str
    several: str


def reserved(fleet: Fleet) -> Reserved:
    """What the tasks that are listed reserve; those that are not may reserve more."""
    cpus: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    for service_id, tasks in fleet.tasks.items():
        service = fleet.services.get(service_id)
        if service is None or not (
            service.reservations.nano_cpus or service.reservations.memory_bytes
        ):
            continue
        for task in filter(live, tasks):
            cpus[task.node_id] += service.reservations.nano_cpus
            memory[task.node_id] += service.reservations.memory_bytes
    return Reserved(cpus, memory)


def limit(fleet: Fleet, service: Service, taken: Reserved) -> Limit | None:
    """How many more tasks the nodes take; None when no limit is known."""
    tasks = fleet.tasks.get(service.id)
    if tasks is None or not fleet.nodes:
        return None
    takers, refusals = _sorted(fleet.nodes.values(), service)
    mine = Counter(task.node_id for task in tasks if live(task))
    free = [each for node in takers if (each := _free(node, service, mine[node.id], taken))]
    if len(free) < len(takers):
        return None
    more = sum(each.tasks for each in free) - owed(service, tasks, partial(_placed, fleet.nodes))
    return Limit(more, _reason(service, free, refusals, len(fleet.nodes)))


def hosts(fleet: Fleet, service: Service, taken: Reserved) -> Mapping[str, Host]:
    """The nodes by id, as the service sees them."""
    mine = Counter(task.node_id for task in fleet.tasks.get(service.id, ()) if live(task))
    return {
        node.id: Host(
            name=node.hostname or node.id,
            state=node.state,
            eligible=_refusal(node, service.constraints) is None,
            full=_is_full(node, service, mine[node.id], taken),
        )
        for node in fleet.nodes.values()
    }


def _is_full(node: Node, service: Service, mine: int, taken: Reserved) -> bool:
    free = _free(node, service, mine, taken)
    return free is not None and free.tasks == 0


def _placed(nodes: Mapping[str, Node], task: Task) -> bool:
    """Whether the task has a node, and need not leave it."""
    node = nodes.get(task.node_id)
    lost = node is not None and (node.state is NodeState.DOWN or node.availability == "drain")
    return live(task) and task.node_id != "" and not lost


def _sorted(
    nodes: Iterable[Node], service: Service
) -> tuple[Sequence[Node], Mapping[Refusal, Sequence[str]]]:
    """The nodes that take the service's tasks, and the names of the others by reason."""
    takers: list[Node] = []
    refusals: dict[Refusal, list[str]] = defaultdict(list)
    for node in nodes:
        refusal = _refusal(node, service.constraints)
        if refusal is None:
            takers.append(node)
        else:
            refusals[refusal].append(node.hostname or node.id)
    return takers, refusals


def _refusal(node: Node, constraints: Iterable[str]) -> Refusal | None:
    if node.state is not NodeState.READY:
        return Refusal(f"is {node.state}", f"are {node.state}")
    if node.availability in ("drain", "pause"):
        done = {"drain": "drained", "pause": "paused"}[node.availability]
        return Refusal(f"is {done}", f"are {done}")
    constraint = unmet(node, constraints)
    if constraint is not None:
        return Refusal(f"does not meet {constraint}", f"do not meet {constraint}")
    return None


def _free(node: Node, service: Service, mine: int, taken: Reserved) -> Free | None:
    """The scarcest of what a task takes on a node; None when nothing is known to be scarce.

    A node whose CPUs or memory are not stated has no known limit of them.
    """
    asked, has = service.reservations, node.resources
    found = []
    if service.max_per_node > 0:
        found.append(Free(max(0, service.max_per_node - mine), "max"))
    if asked.nano_cpus > 0 and has.nano_cpus > 0:
        left = has.nano_cpus - taken.nano_cpus.get(node.id, 0)
        found.append(Free(max(0, left // asked.nano_cpus), "cpu"))
    if asked.memory_bytes > 0 and has.memory_bytes > 0:
        left = has.memory_bytes - taken.memory_bytes.get(node.id, 0)
        found.append(Free(max(0, left // asked.memory_bytes), "memory"))
    return min(found, default=None, key=lambda free: free.tasks)


def _reason(
    service: Service,
    free: Sequence[Free],
    refusals: Mapping[Refusal, Sequence[str]],
    nodes: int,
) -> str:
    said = [] if free else ["no node takes its tasks"]
    for cause in dict.fromkeys(each.cause for each in free):
        counts = [each.tasks for each in free if each.cause == cause]
        said.append(f"{_words(service, cause, sum(counts))} on {len(counts)} of {nodes} nodes")
    said += [_told(refusal, names) for refusal, names in refusals.items()]
    return "; ".join(said)


def _words(service: Service, cause: str, left: int) -> str:
    if cause == "max":
        return f"max {service.max_per_node} replicas per node"
    asked = service.reservations
    amount = f"{asked.nano_cpus / 1e9:g} CPU"
    if cause == "memory":
        amount = f"{asked.memory_bytes / 2**20:g} MiB"
    return f"reservations of {amount} each leave room for {left} more"


def _told(refusal: Refusal, names: Sequence[str]) -> str:
    named = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        named += f" and {len(names) - MOST_NAMES} more"
    return f"{named} {refusal.one if len(names) == 1 else refusal.several}"
