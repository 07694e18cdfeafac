"""What a service says of its rollout: `UpdateStatus`, and what a rollback does to its specs."""

from __future__ import annotations

from functools import partial

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import Document, EngineService, stamp

PAUSED = ("paused", "rollback_paused")


def config(service: EngineService) -> Document:
    """How the rollout under way shall go."""
    rolling_back = service.rollout == "rollback_started"
    found = service.spec.get("RollbackConfig" if rolling_back else "UpdateConfig")
    return found if isinstance(found, dict) else {}


def start(cluster: Cluster, service: EngineService) -> None:
    """An update has begun."""
    status = {
        "State": "updating",
        "StartedAt": stamp(cluster.now()),
        "Message": "update in progress",
    }
    cluster.write_service(service, partial(_set, service, status))


def finish(cluster: Cluster, service: EngineService) -> None:
    """It is over; after a write meanwhile nobody asks how it ended."""
    ends = {"updating": "completed", "rollback_started": "rollback_completed"}
    if service.rollout not in ends:
        return
    message = "rollback completed" if service.rollout == "rollback_started" else "update completed"
    _tell(cluster, service, ends[service.rollout], message, CompletedAt=stamp(cluster.now()))


def give_up(cluster: Cluster, service: EngineService, config: Document, task_id: str) -> None:
    """Pause, or roll back: what its config says about failures."""
    if service.update is None:
        return
    why = f"due to failure or early termination of task {task_id}"
    if service.rollout == "rollback_started":
        _tell(cluster, service, "rollback_paused", f"rollback paused {why}")
    elif config.get("FailureAction") == "rollback" and service.previous is not None:
        cluster.write_service(service, partial(_roll_back, service, f"update rolled back {why}"))
    else:
        _tell(cluster, service, "paused", f"update paused {why}")


def _roll_back(service: EngineService, message: str) -> None:
    """The automatic rollback restores the previous spec and clears it."""
    assert service.previous is not None
    service.spec, service.previous = service.previous, None
    service.spec_version = service.previous_version
    service.update = {**(service.update or {}), "State": "rollback_started", "Message": message}


def _tell(cluster: Cluster, service: EngineService, state: str, message: str, **more: str) -> None:
    status = {**(service.update or {}), "State": state, "Message": message, **more}
    cluster.write_service(service, partial(_set, service, status))


def _set(service: EngineService, status: Document) -> None:
    service.update = status
