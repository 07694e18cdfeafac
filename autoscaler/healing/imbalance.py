"""`imbalance`: tasks pile up on some nodes, since another one came back or is new.

Swarm spreads tasks when it starts them, and never moves one that runs. A node that returns
stays empty, and the others carry its load, until the service is deployed again.

heal:
  - {rule: imbalance, max_skew: 2, stable: 5m, for: 10m, then: rebalance, cooldown: 1h}
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.model import Act, Finding, Health, Host, NodeState, Observation, Task
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class Imbalance(Strict):
    """Find a node with many more tasks than another one that would take some.

    Only tasks that are older than the last change of the nodes count as misplaced: those that
    were started since are where Swarm wants them, and another restart would not move them.
    """

    cures: ClassVar[frozenset[Act]] = frozenset({Act.REBALANCE, Act.NOTIFY})
    sees_nodes: ClassVar[bool] = True
    lasting: ClassVar[str] = "30s"
    """The `for:` of an entry that states none: nodes may be known as of some seconds ago."""

    max_skew: Annotated[int, Field(ge=1, le=100_000)] = 2
    """So many more tasks than the emptiest node the fullest may have."""
    stable: Annotated[Duration, Field(ge=0, le=86_400)] = 300.0
    """For so long none of the nodes that take the service's tasks must have come or gone."""

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Remember which nodes take tasks, and since when: [digest, time]."""
        seen = checkup.observation
        hosts = seen.hosts or {}
        if not hosts or any(host.state is NodeState.UNKNOWN for host in hosts.values()):
            return _read(memory), None
        after = _known(memory, hosts, seen.now)
        since = after[1]
        if seen.now < since + self.stable or not _is_whole(seen):
            return after, None
        return after, self._judged(hosts, [t for t in seen.tasks or () if t.healthy], since)

    def _judged(self, hosts: Mapping[str, Host], tasks: list[Task], since: float) -> Finding | None:
        counts = Counter(task.node_id for task in tasks)
        open_for_more = [key for key, host in hosts.items() if host.eligible and not host.full]
        misplaced = {task.node_id for task in tasks if task.created_at < since}
        if not open_for_more or not misplaced:
            return None
        emptiest = min(open_for_more, key=lambda key: (counts[key], key))
        fullest = max(misplaced, key=lambda key: (counts[key], key))
        skew = counts[fullest] - counts[emptiest]
        if skew <= self.max_skew:
            return None
        names = [hosts[key].name if key in hosts else key for key in (fullest, emptiest)]
        reason = (
            f"{names[0]} has {counts[fullest]} tasks and {names[1]} {counts[emptiest]}:"
            f" a skew of {skew}, where {self.max_skew} is allowed"
        )
        return Finding(state=Health.HEALTHY, reason=reason)


def _is_whole(seen: Observation) -> bool:
    """Whether all replicas run and nothing is under way that may move them."""
    healthy = sum(task.healthy for task in seen.tasks or ())
    return seen.service.rollout.settled and 0 < healthy == seen.service.replicas


def _known(memory: Any, hosts: Mapping[str, Host], now: float) -> list[Any]:
    """What was known of the nodes, or what is new about them."""
    nodes = _digest(key for key, host in hosts.items() if host.eligible)
    before = _read(memory)
    return before if before is not None and before[0] == nodes else [nodes, now]


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:16]


def _read(memory: Any) -> list[Any] | None:
    """What was remembered; what cannot be read counts as nothing."""
    good = (
        isinstance(memory, list)
        and len(memory) == 2
        and isinstance(memory[0], str)
        and isinstance(memory[1], int | float)
    )
    return memory if good else None
