"""Which nodes a service's placement constraints leave.

Swarm compares whole values, ignoring case; a label that a node does not have counts as
empty. Names of labels are told apart by case, all else in a constraint is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from autoscaler.model import Node

_CONSTRAINT = re.compile(r"\s*([^=!\s]+)\s*(==|!=)\s*(.*?)\s*")

_FIELDS: Mapping[str, Callable[[Node], str]] = {
    "node.id": lambda node: node.id,
    "node.hostname": lambda node: node.hostname,
    "node.role": lambda node: node.role,
    "node.platform.os": lambda node: node.os,
    "node.platform.arch": lambda node: node.arch,
}
_LABELS: Mapping[str, Callable[[Node], Mapping[str, str]]] = {
    "node.labels.": lambda node: node.labels,
    "engine.labels.": lambda node: node.engine_labels,
}


def unmet(node: Node, constraints: Iterable[str]) -> str | None:
    """The first constraint that keeps tasks off the node; None when none is known to."""
    return next((each for each in constraints if not _met(node, each)), None)


def _met(node: Node, constraint: str) -> bool:
    parts = _CONSTRAINT.fullmatch(constraint)
    if parts is None:
        return True
    key, operator, wanted = parts.groups()
    actual = _actual(node, key)
    if actual is None:
        return True
    return (actual.casefold() == wanted.casefold()) == (operator == "==")


def _actual(node: Node, key: str) -> str | None:
    """What the node has under a key; None when that is not known."""
    field = _FIELDS.get(key.lower())
    if field is not None:
        return field(node) or None
    for prefix, labels in _LABELS.items():
        if key.lower().startswith(prefix):
            return labels(node).get(key[len(prefix) :], "")
    return None
