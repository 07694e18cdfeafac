"""A fleet as a large Swarm might have it, and the policies over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from autoscaler.model import STACK_LABEL, Node, Resources, Service, Task, TaskState
from autoscaler.policy import parse_policy
from autoscaler.policy_files import LoadedPolicy, PolicySet

Policies = Literal["one", "each"]
"""One policy over all services, or one for each of them."""

BORN = 1_699_000_000.0
PER_STACK = 10
SERVICES_PER_NODE = 50


def services(count: int) -> Iterator[Service]:
    """Services of 3 to 5 replicas, ten to a stack, with what stack files usually state."""
    return (_service(number) for number in range(count))


def _service(number: int) -> Service:
    stack, replicas = f"stack{number // PER_STACK}", 3 + number % 3
    return Service(
        id=f"{number:025x}",
        name=f"{stack}_web{number}",
        version=1000 + number,
        replicas=replicas,
        running=replicas,
        labels={STACK_LABEL: stack, "com.docker.stack.image": "shop/web:1.4", "team": "shop"},
        container_labels={STACK_LABEL: stack},
        image=f"registry.example/shop/web:1.4@sha256:{number:064x}",
        template=f"{number:016x}",
        reservations=Resources(nano_cpus=50_000_000, memory_bytes=64 * 2**20),
        limits=Resources(nano_cpus=500_000_000, memory_bytes=256 * 2**20),
        constraints=("node.role==worker",),
        created_at=BORN,
        updated_at=BORN,
    )


def tasks(service: Service, nodes: int) -> tuple[Task, ...]:
    """The service's tasks, all of them running for long."""
    return tuple(_task(service, slot, nodes) for slot in range(1, (service.replicas or 0) + 1))


def _task(service: Service, slot: int, nodes: int) -> Task:
    return Task(
        id=f"{slot:03x}{service.id[3:]}",
        service_id=service.id,
        slot=slot,
        state=TaskState.RUNNING,
        desired=TaskState.RUNNING,
        node_id=f"node{(int(service.id, 16) + slot) % nodes}",
        since=BORN,
        created_at=BORN,
        container_id=f"{slot:064x}",
    )


def nodes(services: int) -> dict[str, Node]:
    """So many nodes that all of the fleet has room on them."""
    count = max(3, services // SERVICES_PER_NODE)
    has = Resources(nano_cpus=1024 * 10**9, memory_bytes=4096 * 2**30)
    found = (Node(id=f"node{n}", hostname=f"node{n}", resources=has) for n in range(count))
    return {node.id: node for node in found}


def policy_set(services: Mapping[str, Service], kind: Policies) -> PolicySet:
    """The policies over these services, as if they had been read from files."""
    if kind == "one":
        return PolicySet((_loaded(_policy("fleet", "stack*")),))
    each = (_loaded(_policy(f"for.{s.name}", s.name)) for s in services.values())
    return PolicySet(tuple(each))


def _policy(name: str, services: str) -> dict[str, Any]:
    """Two metrics, one for the service and one for each task; all else by default."""
    requests = {
        "name": "requests",
        "query": "sum by (service) (rate(http_requests_total[20s]))",
        "match": "service",
        "target": {"average_value": 100},
    }
    cpu = {
        "name": "cpu",
        "query": "sum by (task) (rate(container_cpu_usage_seconds_total[20s]))",
        "per_task": "task",
        "target": {"utilization": 70},
    }
    scale = {"min": 2, "max": 100, "metrics": [requests, cpu]}
    return {"name": name, "services": [services], "scale": scale}


def _loaded(document: Mapping[str, Any]) -> LoadedPolicy:
    return LoadedPolicy(parse_policy(document), document, file="bench.yaml", line=1)


def raw_service(service: Service) -> dict[str, Any]:
    """The service as the engine's API shows it: what the anchor parses."""
    stamp = "2026-01-01T00:00:00.000000000Z"
    resources = {
        "Limits": {"NanoCPUs": service.limits.nano_cpus, "MemoryBytes": 256 * 2**20},
        "Reservations": {"NanoCPUs": service.reservations.nano_cpus, "MemoryBytes": 64 * 2**20},
    }
    spec = {
        "Name": service.name,
        "Labels": dict(service.labels),
        "TaskTemplate": {
            "ContainerSpec": _container(service),
            "Resources": resources,
            "RestartPolicy": {"Condition": "any", "Delay": 5 * 10**9, "MaxAttempts": 0},
            "Placement": {"Constraints": list(service.constraints), "Platforms": [{"OS": "linux"}]},
            "Networks": [{"Target": f"{7:025x}", "Aliases": [service.name]}],
            "ForceUpdate": 0,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": service.replicas}},
        "EndpointSpec": {"Mode": "vip"},
    }
    return {
        "ID": service.id,
        "Version": {"Index": service.version},
        "CreatedAt": stamp,
        "UpdatedAt": stamp,
        "Spec": spec,
        "PreviousSpec": spec,
        "Endpoint": {"Spec": {"Mode": "vip"}, "VirtualIPs": [{"NetworkID": f"{7:025x}"}]},
        "ServiceStatus": {"RunningTasks": service.running, "DesiredTasks": service.replicas},
    }


def _container(service: Service) -> dict[str, Any]:
    return {
        "Image": service.image,
        "Labels": dict(service.container_labels),
        "Env": [f"SETTING_{n}=a value of it" for n in range(8)],
        "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
        "Healthcheck": {"Test": ["CMD", "wget", "-q", "localhost"], "Interval": 5 * 10**9},
        "Isolation": "default",
    }
