"""`node_lost`: a node that is down takes tasks of the service with it.

Swarm starts them elsewhere by itself, some 15 s after the node fell silent, and nothing else
would help: so this only tells. While the state of a node is `unknown`, as after a change of
the managers' leader, it is not known what is lost, and nothing is said.

heal:
  - {rule: node_lost, for: 30s, then: notify}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from autoscaler.model import Act, Finding, Health, Host, NodeState, Task
from autoscaler.ports import Checkup
from autoscaler.strict import Strict


class NodeLost(Strict):
    """Find tasks on nodes that are down, and tell how many of them run elsewhere by now."""

    cures: ClassVar[frozenset[Act]] = frozenset({Act.NOTIFY})
    sees_nodes: ClassVar[bool] = True

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """Nothing is remembered: nodes and tasks show it."""
        hosts = checkup.observation.hosts or {}
        if any(host.state is NodeState.UNKNOWN for host in hosts.values()):
            return None, None
        tasks = checkup.observation.tasks or ()
        lost = [task for task in tasks if _is_lost(task, hosts)]
        if not lost:
            return None, None
        names = ", ".join(sorted({hosts[task.node_id].name for task in lost}))
        replaced = len({task.place for task in lost} & {t.place for t in tasks if t.healthy})
        reason = f"{names}: down, with {len(lost)} tasks; {replaced} of them run elsewhere"
        found = tuple(sorted(task.id for task in lost))
        return None, Finding(state=Health.HEALTHY, reason=reason, tasks=found)


def _is_lost(task: Task, hosts: Mapping[str, Host]) -> bool:
    """Whether a task was last heard of on a node that is down."""
    host = hosts.get(task.node_id)
    gone = host is not None and host.state in (NodeState.DOWN, NodeState.DISCONNECTED)
    return gone and not task.state.ended
