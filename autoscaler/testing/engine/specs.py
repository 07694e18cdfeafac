"""What the engine checks and fills in before it takes a service's spec."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

from autoscaler.testing.engine.objects import Document
from autoscaler.testing.engine.refusal import Refusal, rpc

_COUNTS = (
    ("Replicated", "Replicas"),
    ("ReplicatedJob", "MaxConcurrent"),
    ("ReplicatedJob", "TotalCompletions"),
)


def accepted(document: Any) -> Document:
    """The spec as the engine stores it. Raises Refusal."""
    if not isinstance(document, dict):
        kind = "array" if isinstance(document, list) else type(document).__name__
        raise Refusal(400, f"json: cannot unmarshal {kind} into Go value of type swarm.ServiceSpec")
    spec = copy.deepcopy(document)
    _check_counts(spec.get("Mode") or {})
    template = spec.get("TaskTemplate") or {}
    if not template.get("ContainerSpec"):
        raise Refusal(400, "mismatched Runtime and *Spec fields")
    template.setdefault("ForceUpdate", 0)
    template.setdefault("Runtime", "container")
    spec["Mode"] = spec.get("Mode") or {"Replicated": {"Replicas": 1}}
    spec.setdefault("Labels", {})
    return spec


def check_change(before: Document, after: Document) -> None:
    """Refuse what an update cannot change."""
    if before["Mode"].keys() != after["Mode"].keys():
        raise rpc(501, "Unimplemented", "service mode change is not allowed")
    if before["Name"] != after["Name"]:
        raise rpc(501, "Unimplemented", "renaming services is not supported")


def check_references(spec: Document, secrets: Container[str], configs: Container[str]) -> None:
    """Refuse a spec that names a secret or a config which is not there."""
    container = spec["TaskTemplate"]["ContainerSpec"]
    for kind, there in (("Secret", secrets), ("Config", configs)):
        for each in container.get(f"{kind}s") or ():
            if each.get(f"{kind}ID") not in there:
                text = f"{kind.lower()} not found: {each.get(f'{kind}Name')}"
                raise rpc(400, "InvalidArgument", text)


def _check_counts(mode: Document) -> None:
    for kind, name in _COUNTS:
        count = (mode.get(kind) or {}).get(name)
        if isinstance(count, int) and count < 0:
            field = f"{kind}{'Service' if kind == 'Replicated' else ''}.Mode.{kind}.{name}"
            raise Refusal(
                400,
                f"json: cannot unmarshal number {count} into Go struct field {field} "
                "of type uint64",
            )
