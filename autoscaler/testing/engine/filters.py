"""The `filters` parameter: which objects a list shows."""

from __future__ import annotations

import json
from collections.abc import Mapping

from autoscaler.model import TaskState
from autoscaler.testing.engine import services
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import EngineConfig, EngineService, EngineTask
from autoscaler.testing.engine.refusal import Refusal

Filters = Mapping[str, list[str]]

SERVICE_FILTERS = frozenset({"id", "name"})
CONFIG_FILTERS = frozenset({"id", "name", "label"})
TASK_FILTERS = frozenset({"id", "name", "service", "node", "desired-state"})
_STATES = frozenset(TaskState)
"""What "desired-state" may be."""


def parse(text: str, known: frozenset[str]) -> dict[str, list[str]]:
    """Either spelling: a list of values, or an object with the values as keys."""
    try:
        document = json.loads(text or "{}")
    except ValueError as error:
        raise Refusal(400, f"invalid character: {error}") from error
    for name in document:
        if name not in known:
            raise Refusal(400, f"Invalid filter '{name}'")
    return {name: list(values) for name, values in document.items()}


def shows_config(filters: Filters, config: EngineConfig) -> bool:
    """Labels are compared as `key=value`, or by the key alone."""
    stated = {*config.labels, *(f"{key}={value}" for key, value in config.labels.items())}
    return stated.issuperset(filters.get("label", ()))


def shows_service(filters: Filters, service: EngineService) -> bool:
    """Ids and names are compared by their beginnings."""
    return _begins(service.id, filters.get("id")) and _begins(service.name, filters.get("name"))


def resolve(cluster: Cluster, filters: Filters) -> dict[str, list[str]]:
    """Task filters with services by id. One service that is not there refuses the whole list."""
    for state in filters.get("desired-state", []):
        if state not in _STATES:
            raise Refusal(500, f"Invalid desired-state filter: '{state}'")
    named = filters.get("service", [])
    found = [services.find(cluster, term).id for term in named]
    return {**filters, "service": found} if named else dict(filters)


def shows_task(filters: Filters, task: EngineTask) -> bool:
    """Filters of one kind widen the list, those of several narrow it."""
    return (
        _begins(task.id, filters.get("id"))
        and _begins(task.name, filters.get("name"))
        and _among(task.service_id, filters.get("service"))
        and _among(task.node_id, filters.get("node"))
        and _among(task.desired, filters.get("desired-state"))
    )


def _begins(value: str, starts: list[str] | None) -> bool:
    return not starts or value.startswith(tuple(starts))


def _among(value: str, values: list[str] | None) -> bool:
    return not values or value in values
