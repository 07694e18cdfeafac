"""Whether a task is what its service asks for now."""

from __future__ import annotations

from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import Document, EngineService, EngineTask
from autoscaler.testing.engine.scheduler import meets


def dirty(cluster: Cluster, service: EngineService, task: EngineTask) -> bool:
    """Whether the task was made from another template; constraints that its node meets are not."""
    if task.spec_version == service.spec_version or task.spec == service.task_spec:
        return False
    node = cluster.nodes.get(task.node_id)
    same = _without_placement(task.spec) == _without_placement(service.task_spec)
    return not (same and node is not None and meets(node, service.template))


def _without_placement(spec: Document) -> Document:
    return {key: value for key, value in spec.items() if key != "Placement"}
