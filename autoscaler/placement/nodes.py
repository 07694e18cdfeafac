"""What nodes have left for a service."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from autoscaler.model import Fleet, Host, Node, NodeState, Resources, Service, Task
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


class Sorted(NamedTuple):
    """The nodes that take tasks under some constraints, and the names of the others by reason."""

    takers: Sequence[Node]
    refusals: Mapping[Refusal, Sequence[str]]


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


class Nodes:
    """A fleet's nodes; what services that ask for the same would find is reckoned once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._sorted: dict[tuple[str, ...], Sorted] = {}
        self._spare: dict[tuple[tuple[str, ...], Resources], Limit | None] = {}

    def limit(self, service: Service) -> Limit | None:
        """How many more tasks the nodes take; None when no limit is known."""
        tasks = self._fleet.tasks.get(service.id)
        if tasks is None or not self._fleet.nodes:
            return None
        spare = self._for_its_like(service) if not service.max_per_node else self._for(service)
        if spare is None:
            return None
        coming = owed(service, tasks, partial(_placed, self._fleet.nodes))
        return Limit(spare.more - coming, spare.reason)

    def hosts(self, service: Service) -> Mapping[str, Host]:
        """The nodes by id, as the service sees them."""
        takers = {node.id for node in self._sort(service).takers}
        mine = self._mine(service)
        return {
            node.id: Host(
                name=node.hostname or node.id,
                state=node.state,
                eligible=node.id in takers,
                full=_is_full(node, service, mine[node.id], self._taken),
            )
            for node in self._fleet.nodes.values()
        }

    def _for_its_like(self, service: Service) -> Limit | None:
        """Where its own tasks are in nobody's way, the nodes look the same to others like it."""
        alike = (service.constraints, service.reservations)
        if alike not in self._spare:
            self._spare[alike] = self._for(service)
        return self._spare[alike]

    def _for(self, service: Service) -> Limit | None:
        """What the nodes have left, before the tasks that the service is still owed."""
        takers, refusals = self._sort(service)
        mine, taken = self._mine(service), self._taken
        free = [each for node in takers if (each := _free(node, service, mine[node.id], taken))]
        if len(free) < len(takers):
            return None
        more = sum(each.tasks for each in free)
        return Limit(more, _reason(service, free, refusals, len(self._fleet.nodes)))

    def _sort(self, service: Service) -> Sorted:
        known = self._sorted.get(service.constraints)
        if known is None:
            known = _sorted(self._fleet.nodes.values(), service.constraints)
            self._sorted[service.constraints] = known
        return known

    def _mine(self, service: Service) -> Counter[str]:
        """How many tasks of the service each node has."""
        return Counter(t.node_id for t in self._fleet.tasks.get(service.id, ()) if live(t))

    @cached_property
    def _taken(self) -> Reserved:
        return reserved(self._fleet)


def _is_full(node: Node, service: Service, mine: int, taken: Reserved) -> bool:
    free = _free(node, service, mine, taken)
    return free is not None and free.tasks == 0


def _placed(nodes: Mapping[str, Node], task: Task) -> bool:
    """Whether the task has a node, and need not leave it."""
    node = nodes.get(task.node_id)
    lost = node is not None and (node.state is NodeState.DOWN or node.availability == "drain")
    return live(task) and task.node_id != "" and not lost


def _sorted(nodes: Iterable[Node], constraints: Iterable[str]) -> Sorted:
    takers: list[Node] = []
    refusals: dict[Refusal, list[str]] = defaultdict(list)
    for node in nodes:
        refusal = _refusal(node, constraints)
        if refusal is None:
            takers.append(node)
        else:
            refusals[refusal].append(node.hostname or node.id)
    return Sorted(takers, refusals)


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
