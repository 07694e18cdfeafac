"""The engine's JSON to nouns. Pure; tolerant of missing, null and unknown fields.

What is not understood never looks healthy, scalable or settled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from autoscaler.model import (
    Mode,
    Node,
    NodeState,
    Resources,
    Rollout,
    Service,
    Task,
    TaskState,
    Template,
)
from autoscaler.orchestrators.swarm.raw import child, items, moment, number, text, texts

E = TypeVar("E", bound=StrEnum)

_MODES = {
    "Replicated": Mode.REPLICATED,
    "Global": Mode.GLOBAL,
    "ReplicatedJob": Mode.REPLICATED_JOB,
    "GlobalJob": Mode.GLOBAL_JOB,
}


def service(raw: Any) -> Service:
    """A service as `GET /services` and `GET /services/{id}` show it."""
    spec, template = child(raw, "Spec"), child(raw, "Spec", "TaskTemplate")
    container, placement = child(template, "ContainerSpec"), child(template, "Placement")
    update, config = child(raw, "UpdateStatus"), child(spec, "UpdateConfig")
    restart, at_once = child(template, "RestartPolicy"), number(config, "Parallelism")
    return Service(
        id=text(child(raw), "ID"),
        name=text(spec, "Name"),
        version=number(child(raw, "Version"), "Index") or 0,
        mode=mode(spec),
        replicas=number(child(spec, "Mode", "Replicated"), "Replicas"),
        running=number(child(raw, "ServiceStatus"), "RunningTasks"),
        labels=texts(spec, "Labels"),
        container_labels=texts(container, "Labels"),
        image=text(container, "Image"),
        template=template_hash(template),
        rollout=rollout(update),
        rollout_message=text(update, "Message"),
        rollout_started=moment(update, "StartedAt"),
        forced=number(template, "ForceUpdate") or 0,
        at_once=1 if at_once is None else at_once,
        start_first=text(config, "Order") == "start-first",
        restarts=text(restart, "Condition") or "any",
        max_attempts=number(restart, "MaxAttempts") or 0,
        reservations=resources(child(template, "Resources", "Reservations")),
        limits=resources(child(template, "Resources", "Limits")),
        constraints=tuple(str(each) for each in items(placement, "Constraints")),
        max_per_node=number(placement, "MaxReplicas") or 0,
        networks=networks_of(raw),
        created_at=moment(child(raw), "CreatedAt"),
        updated_at=moment(child(raw), "UpdatedAt"),
    )


def mode(spec: Any) -> Mode:
    """The mode; a missing or new one counts as global, which is never written to."""
    named = child(spec, "Mode")
    return next((mode for key, mode in _MODES.items() if key in named), Mode.GLOBAL)


def rollout(update: Mapping[str, Any]) -> Rollout:
    """The rollout; a state that is not known counts as under way."""
    state = text(update, "State")
    return _known(Rollout, state, Rollout.UPDATING) if state else Rollout.NONE


def canonical_template(template: Any) -> str:
    """The task template without what only asks for a restart, in one spelling."""
    kept = {key: value for key, value in child(template).items() if key != "ForceUpdate"}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def template_hash(template: Any) -> str:
    """The identity of a release: 16 hexadecimal digits."""
    return hashlib.sha256(canonical_template(template).encode()).hexdigest()[:16]


def template(raw: Any) -> Template:
    """The task template of a service, whole; in ASCII, so that it can always be stored."""
    found = child(raw, "Spec", "TaskTemplate")
    return Template(
        release=template_hash(found),
        image=text(child(found, "ContainerSpec"), "Image"),
        raw=json.dumps(found, separators=(",", ":")),
    )


def networks_of(raw: Any) -> tuple[str, ...]:
    """Ids of the networks that the tasks join, the ingress network of a published port too."""
    joined = items(raw, "Spec", "TaskTemplate", "Networks") or items(raw, "Spec", "Networks")
    named = [text(child(each), "Target") for each in joined]
    named += [text(child(each), "NetworkID") for each in items(raw, "Endpoint", "VirtualIPs")]
    return tuple(dict.fromkeys(each for each in named if each))


def resources(raw: Mapping[str, Any]) -> Resources:
    """An amount; what is not stated is 0."""
    return Resources(
        nano_cpus=number(raw, "NanoCPUs") or 0, memory_bytes=number(raw, "MemoryBytes") or 0
    )


def task(raw: Any, nodes: Mapping[str, Node]) -> Task:
    """A task as `GET /tasks` shows it. One on a node that is not listed is not ready."""
    known, status = child(raw), child(raw, "Status")
    container = child(status, "ContainerStatus")
    node_id = text(known, "NodeID")
    state = _known(TaskState, text(status, "State"), TaskState.NEW)
    return Task(
        id=text(known, "ID"),
        service_id=text(known, "ServiceID"),
        state=state,
        desired=_known(TaskState, text(known, "DesiredState"), TaskState.NEW),
        slot=number(known, "Slot") or 0,
        node_id=node_id,
        node_ready=node_ready(node_id, nodes),
        since=moment(status, "Timestamp"),
        created_at=moment(known, "CreatedAt"),
        error=text(status, "Err"),
        # The engine says 0 for a container that still runs.
        exit_code=number(container, "ExitCode") if state.ended and container else None,
        container_id=text(container, "ContainerID"),
        addresses=() if state.ended else _addresses(raw),
    )


def _addresses(raw: Any) -> tuple[str, ...]:
    """Without the length of their prefix; the ingress network's reach nobody."""
    attached = (child(each) for each in items(raw, "NetworksAttachments"))
    joined = (each for each in attached if not child(each, "Network", "Spec").get("Ingress"))
    found = (address for each in joined for address in items(each, "Addresses"))
    return tuple(each.partition("/")[0] for each in found if isinstance(each, str))


def node_ready(node_id: str, nodes: Mapping[str, Node]) -> bool:
    """Whether a task's node is ready; a task without a node waits for none."""
    if not node_id:
        return True
    found = nodes.get(node_id)
    return found is not None and found.state is NodeState.READY


def node(raw: Any) -> Node:
    """A node as `GET /nodes` shows it."""
    spec, described = child(raw, "Spec"), child(raw, "Description")
    platform, status = child(described, "Platform"), child(raw, "Status")
    return Node(
        id=text(child(raw), "ID"),
        hostname=text(described, "Hostname"),
        state=_known(NodeState, text(status, "State"), NodeState.UNKNOWN),
        availability=text(spec, "Availability") or "active",
        role=text(spec, "Role") or "worker",
        labels=texts(spec, "Labels"),
        engine_labels=texts(described, "Engine", "Labels"),
        os=text(platform, "OS") or "linux",
        arch=text(platform, "Architecture"),
        address=text(status, "Addr"),
        resources=resources(child(described, "Resources")),
    )


def _known(kind: type[E], value: str, otherwise: E) -> E:
    try:
        return kind(value)
    except ValueError:
        return otherwise
