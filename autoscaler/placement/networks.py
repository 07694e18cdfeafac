"""What a service's networks have left: a task without an address never starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from autoscaler.model import Fleet, Network, Service
from autoscaler.placement.standing import Limit, has_address, owed

Attached = Mapping[str, int]
"""Tasks that hold an address, by network id."""


def attached(fleet: Fleet) -> Attached:
    """Tasks by network; of a service whose tasks were not listed, those that run."""
    found: Counter[str] = Counter()
    for service in fleet.services.values():
        tasks = fleet.tasks.get(service.id)
        count = service.running or 0 if tasks is None else sum(map(has_address, tasks))
        for network in service.networks:
            found[network] += count
    return found


def limit(fleet: Fleet, service: Service, taken: Attached) -> Limit | None:
    """How many more tasks get an address in each network; None when that is not known.

    `Network.addresses` are those that tasks may have, beside nodes and virtual IPs.
    """
    if not service.networks:
        return None
    tasks = fleet.tasks.get(service.id)
    coming = 0 if tasks is None else owed(service, tasks, has_address)
    known = (fleet.networks[each] for each in service.networks if each in fleet.networks)
    limits = [found for each in known if (found := _of(each, taken.get(each.id, 0), coming))]
    return min(limits, default=None, key=lambda each: each.more)


def _of(network: Network, taken: int, coming: int) -> Limit | None:
    if network.addresses is None:
        return None
    said = f"network {network.name} has addresses for {network.addresses} tasks"
    return Limit(network.addresses - taken - coming, f"{said}, {taken} are taken")
