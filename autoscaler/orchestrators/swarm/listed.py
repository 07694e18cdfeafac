"""What the service list says beside the nouns: how large a service's tasks are, what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoscaler.model import Mode, Service
from autoscaler.orchestrators.swarm import translate
from autoscaler.orchestrators.swarm.raw import child, items, number, text

_JOBS = (Mode.REPLICATED_JOB, Mode.GLOBAL_JOB)
_TASK_BYTES = 900
"""A task without its spec and its networks."""
_ATTACHMENT_BYTES = 1000
"""One network as each attached task repeats it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One service of a service list."""

    service: Service
    desired: int | None
    """Tasks that the engine wants to run, by its own count."""
    task_bytes: int
    """Estimated size of one of its tasks in a task list."""
    virtual_ips: tuple[str, ...] = ()
    """Ids of the networks that the service has a virtual IP in."""

    @property
    def counts(self) -> tuple[int | None, int | None]:
        """What must stay the same for remembered tasks to be good."""
        return self.service.running, self.desired

    @property
    def looks_sick(self) -> bool:
        """Whether counts or rollout say that its tasks deserve a look."""
        if self.service.mode in _JOBS:
            # A job's tasks end; how many run says nothing.
            return False
        asked = self.desired if self.service.replicas is None else self.service.replicas
        running = self.service.running
        settled = self.service.rollout.settled
        return running is None or not running == self.desired == asked or not settled


def listed(raw: Any, before: Mapping[str, Listed]) -> Listed:
    """Translate one service, or reuse what was made of the same version."""
    status = child(raw, "ServiceStatus")
    running, desired = number(status, "RunningTasks"), number(status, "DesiredTasks")
    known = before.get(text(child(raw), "ID"))
    if known is not None and known.service.version == number(child(raw, "Version"), "Index"):
        return replace(known, service=replace(known.service, running=running), desired=desired)
    service = translate.service(raw)
    template = translate.canonical_template(child(raw, "Spec", "TaskTemplate"))
    size = _TASK_BYTES + len(template) + _ATTACHMENT_BYTES * len(service.networks)
    return Listed(service, desired, size, _virtual_ips(raw))


def virtual_ips(services: Iterable[Listed]) -> Counter[str]:
    """How many virtual IPs each network has given out."""
    return Counter(network for each in services for network in each.virtual_ips)


def _virtual_ips(raw: Any) -> tuple[str, ...]:
    found = (text(child(each), "NetworkID") for each in items(raw, "Endpoint", "VirtualIPs"))
    return tuple(network for network in found if network)
