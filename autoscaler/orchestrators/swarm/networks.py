"""How many tasks a network has addresses for. Pure.

Learnt from an engine: of a subnet's addresses three are never given out (network, gateway,
broadcast), each node that runs a task of the network takes one for its load balancer, and
each service with a virtual IP one more. A task without an address stays `new`, without an
error.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from autoscaler.model import Network
from autoscaler.orchestrators.swarm.raw import child, items, text

_RESERVED = 3


def network(raw: Any) -> Network:
    """A network as `GET /networks` shows it, with its pool before nodes and virtual IPs."""
    known = child(raw)
    return Network(id=text(known, "Id"), name=text(known, "Name"), addresses=_pool(raw))


def for_tasks(pool: int | None, nodes: int, virtual_ips: int) -> int | None:
    """Tasks that a pool has addresses for, spread over `nodes` nodes; None: not known.

    A task on a node that has none yet takes two addresses, on any other node one.
    """
    if pool is None:
        return None
    left = max(0, pool - virtual_ips)
    return max(left // 2, left - nodes)


def with_addresses(
    networks: Iterable[Network], nodes: int, virtual_ips: Mapping[str, int]
) -> dict[str, Network]:
    """Networks by id, each with the addresses that are left for tasks."""
    return {
        each.id: Network(
            id=each.id,
            name=each.name,
            addresses=for_tasks(each.addresses, nodes, virtual_ips.get(each.id, 0)),
        )
        for each in networks
    }


def _pool(raw: Any) -> int | None:
    """Addresses of the first IPv4 subnet, which is the one that Swarm hands out from."""
    for config in items(raw, "IPAM", "Config"):
        stated = text(child(config), "IPRange") or text(child(config), "Subnet")
        try:
            subnet = ipaddress.ip_network(stated, strict=False)
        except ValueError:
            continue
        if subnet.version == 4:
            return max(0, subnet.num_addresses - _RESERVED)
    return None
