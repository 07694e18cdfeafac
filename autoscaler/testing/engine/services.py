"""What clients do to services."""

from __future__ import annotations

from functools import partial
from typing import Any

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import RUNNING, Document, EngineService, stamp
from autoscaler.testing.engine.refusal import Refusal, rpc
from autoscaler.testing.engine.specs import accepted, check_change, check_references

_AUTH_FROM = ("", "spec", "previous-spec")


def find(cluster: Cluster, term: str) -> EngineService:
    """A service by id, else by name, else by the beginning of its id. Raises Refusal."""
    if term in cluster.services:
        return cluster.services[term]
    named = [service for service in cluster.services.values() if service.name == term]
    if named:
        return named[0]
    begun = [key for key in cluster.services if key.startswith(term)]
    if len(begun) > 1:
        raise Refusal(400, f"service {term} is ambiguous ({len(begun)} matches found)")
    if not begun:
        raise Refusal(404, f"service {term} not found")
    return cluster.services[begun[0]]


def create(cluster: Cluster, document: Any) -> EngineService:
    """A new service. Raises Refusal."""
    spec = accepted(document)
    check_references(spec, cluster.secrets, cluster.configs)
    identity = cluster.new_id()
    name = spec.setdefault("Name", identity[:8])
    if any(service.name == name for service in cluster.services.values()):
        text = f"name conflicts with an existing object: service {name} already exists"
        raise rpc(409, "AlreadyExists", text)
    service = EngineService(id=identity, spec=spec)
    cluster.touch(service)
    service.spec_version = service.index
    cluster.services[service.id] = service
    cluster.journal.tell("service", "create", service.id, {"name": name}, swarm=True)
    return service


def update(
    cluster: Cluster,
    term: str,
    document: Any,
    *,
    version: str,
    rollback: str = "",
    auth_from: str = "",
) -> None:
    """Replace the spec, if the version is right. Raises Refusal."""
    spec, wanted = accepted(document), _version(version)
    if rollback not in ("", "previous"):
        raise Refusal(500, f"unrecognized rollback option {rollback}")
    service = find(cluster, term)
    if auth_from not in _AUTH_FROM:
        raise Refusal(500, "unsupported registryAuthFrom value")
    if auth_from == "previous-spec" and service.previous is None:
        raise Refusal(500, "service does not have a previous spec")
    spec.setdefault("Name", "")
    if wanted != service.index:
        raise rpc(500, "Unknown", "update out of sequence")
    check_change(service.spec, spec)
    check_references(spec, cluster.secrets, cluster.configs)
    if rollback:
        _check_previous(service)
        cluster.write_service(service, partial(_swap, service, stamp(cluster.now())))
    else:
        cluster.write_service(service, partial(_replace, service, spec))
        service.spec_version = service.index


def remove(cluster: Cluster, term: str) -> None:
    """Remove a service; its tasks follow. Raises Refusal."""
    service = find(cluster, term)
    del cluster.services[service.id]
    cluster.stir(service.id)
    for task in cluster.tasks_of(service.id):
        cluster.set_desired(task, "remove")
    cluster.journal.tell("service", "remove", service.id, {"name": service.name}, swarm=True)


def status(cluster: Cluster, service: EngineService) -> Document:
    """The counts of `status=true`: whatever says "running", on lost nodes and old ones too."""
    tasks = list(cluster.tasks_of(service.id))
    wanted = sum(task.desired == RUNNING for task in tasks)
    return {
        "RunningTasks": sum(task.state == RUNNING for task in tasks),
        "DesiredTasks": wanted if service.mode.startswith("Global") else service.replicas,
        "CompletedTasks": sum(task.state == "complete" for task in tasks),
    }


def _replace(service: EngineService, spec: Document) -> None:
    """Any write copies the spec away and forgets the rollout, one that changes nothing too."""
    service.previous, service.spec = service.spec, spec
    service.previous_version = service.spec_version
    service.update = None
    if service.mode.endswith("Job"):
        service.iteration += 1


def _swap(service: EngineService, now: str) -> None:
    assert service.previous is not None
    service.spec, service.previous = service.previous, service.spec
    service.spec_version, service.previous_version = service.previous_version, service.spec_version
    service.update = {
        "State": "rollback_started",
        "StartedAt": now,
        "Message": "manually requested rollback",
    }


def _check_previous(service: EngineService) -> None:
    if service.previous is None:
        text = f"service {service.id} does not have a previous spec"
        raise rpc(400, "FailedPrecondition", text)


def _version(stated: str) -> int:
    if not stated.isdigit():
        text = f'strconv.ParseUint: parsing "{stated}": invalid syntax'
        raise Refusal(400, f"invalid service version '{stated}': {text}")
    return int(stated)
