"""How many more tasks of a service the cluster can take. Pure.

An estimate that errs on one side only: it never says less than there is because of
something that is not known. An unheard-of constraint, tasks that were not listed, host
ports, volumes and generic resources limit nothing here; a task too many stays pending,
and the next pass sees it.

    constraints.py   which nodes a service's constraints leave
    nodes.py         what these nodes have left: Swarm goes by reservations, not by use
    networks.py      what its networks have left
    standing.py      which tasks have a place already
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from autoscaler.model import Fleet, Host, Room, Service
from autoscaler.placement import networks, nodes

__all__ = ["Placement", "room"]


def room(fleet: Fleet, service: Service) -> Room:
    """How many tasks fit beside the replicas that the service asks for already.

    `more` is 0 or above, or None when nothing that is known limits it.
    """
    return Placement(fleet).room(service)


class Placement:
    """A fleet as its scheduler sees it; what several services need is reckoned once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._nodes = nodes.Nodes(fleet)

    def room(self, service: Service) -> Room:
        """See `room`."""
        if service.replicas is None:
            return Room(more=None)
        limits = [
            self._nodes.limit(service),
            networks.limit(self._fleet, service, self._attached),
        ]
        known = [limit for limit in limits if limit is not None]
        if not known:
            return Room(more=None)
        tightest = min(known, key=lambda limit: limit.more)
        return Room(more=max(0, tightest.more), reason=tightest.reason)

    def hosts(self, service: Service) -> Mapping[str, Host]:
        """The nodes by id, as the service sees them."""
        return self._nodes.hosts(service)

    @cached_property
    def _attached(self) -> networks.Attached:
        return networks.attached(self._fleet)
