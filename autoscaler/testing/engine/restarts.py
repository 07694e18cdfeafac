"""Whether a task that ended is replaced, and when: restart policies.

The history that `MaxAttempts` counts in is the leader's, in memory only: a new leader has none,
and every write of the service's spec makes it count anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.testing.engine.objects import (
    ENDED,
    READY,
    RUNNING,
    SHUTDOWN,
    Document,
    EngineNode,
    EngineService,
    EngineTask,
)

if TYPE_CHECKING:
    from autoscaler.testing.engine.cluster import Cluster

DELAY = 5 * 10**9
"""Nanoseconds between a task's end and its replacement unless the service says otherwise."""
_STOPPED_WITHIN = 60 * 10**9
"""Nanoseconds after which a replacement no longer waits for the task before it to stop."""


@dataclass
class Restarts:
    """What is remembered of one slot, or of one node's task."""

    spec_version: int
    total: int = 0
    times: list[int] = field(default_factory=list)


def lost(node: EngineNode | None) -> bool:
    """Whether nothing shall run on a node: it is down, drained or gone."""
    return node is None or node.state == "down" or node.availability == "drain"


def restart(cluster: Cluster, service: EngineService, task: EngineTask) -> None:
    """Retire a task that ended, or whose node is lost; replace it if its policy wants that."""
    cluster.set_desired(task, SHUTDOWN)
    if not should_restart(cluster, task):
        return
    node = cluster.nodes.get(task.node_id)
    own_node = task.node_id if service.mode == "Global" else ""
    new = cluster.new_task(service, task.slot, own_node)
    _record(cluster, new)
    drained = node is not None and node.availability == "drain"
    delay = 0 if drained else int(_policy(task).get("Delay", DELAY))
    stands = task.state not in ENDED and not (node is not None and node.state == "down")
    delay_start(cluster, new, task if stands else None, delay)


def delay_start(cluster: Cluster, new: EngineTask, old: EngineTask | None, delay: int = 0) -> None:
    """Let a new task start after a time, and after another one has stopped."""
    new.desired = READY
    new.not_before = cluster.clock + delay
    new.after = "" if old is None else old.id
    if delay:
        cluster.wake(new.service_id, new.not_before)
    if old is not None:
        cluster.wake(new.service_id, new.not_before + _STOPPED_WITHIN)


def may_start(cluster: Cluster, task: EngineTask) -> bool:
    """Whether what a task waits for has come."""
    if cluster.clock < task.not_before:
        return False
    old = cluster.tasks.get(task.after)
    if old is None or old.state in ENDED:
        return True
    node = cluster.nodes.get(old.node_id)
    gone = not old.node_id or node is None or node.state == "down"
    return gone or cluster.clock >= task.not_before + _STOPPED_WITHIN


def should_restart(cluster: Cluster, task: EngineTask) -> bool:
    """What the policy of the task says, and whether its attempts are used up."""
    policy = _policy(task)
    condition = policy.get("Condition") or "any"
    if condition == "none" or (condition == "on-failure" and task.state == "complete"):
        return False
    most = int(policy.get("MaxAttempts") or 0)
    known = cluster.restarts.get((task.service_id, task.place))
    if not most or known is None or known.spec_version != task.spec_version:
        return True
    window = int(policy.get("Window") or 0)
    if not window:
        return known.total < most
    known.times = [at for at in known.times if at > task.since - window]
    return sum(at < task.since for at in known.times) < most


def _record(cluster: Cluster, new: EngineTask) -> None:
    """Count a replacement; those of another spec are counted anew."""
    if not _policy(new).get("MaxAttempts"):
        return
    key = (new.service_id, new.place)
    known = cluster.restarts.get(key)
    if known is None or known.spec_version != new.spec_version:
        known = cluster.restarts[key] = Restarts(new.spec_version)
    known.total += 1
    known.times.append(new.created)


def _policy(task: EngineTask) -> Document:
    found = task.spec.get("RestartPolicy")
    return found if isinstance(found, dict) else {}


def runs_or_will(task: EngineTask) -> bool:
    """Whether a task is still meant to run, however it is with it."""
    return task.desired in (RUNNING, READY)
